/// Requests and answers over TCP, a Unix domain socket and UDP, all of whose bytes are checked: the program
/// whose system calls inject.py has fail.
///
///     exchange FOLDER [COUNT]    so many requests of each kind (default 3); FOLDER is for the socket
///     exchange --sigpipe         writes to peers that have gone, over each kind of stream
///
/// Prints "begin", then a line for each thing that has failed, then "done N", the requests that were
/// answered. Exits with 1 if any byte was wrong, or nothing has happened for a long time.

#include <aio/core/event_loop.hpp>
#include <aio/io/datagram_endpoint.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/server.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/structure/run.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/uv/pipe.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace {

using namespace std::chrono_literals;

/// So long that a socket takes it in several parts.
constexpr std::size_t length = 3'000'000;

bool wrong = false;

void tell(const std::string& text) {
    std::puts(text.c_str());
    std::fflush(stdout);
}

/// Bytes that are different everywhere.
std::string text_of(std::size_t size, int number) {
    std::string text(size, '\0');
    unsigned state = static_cast<unsigned>(number) + 1;
    for (char& byte : text) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24U);
    }
    return text;
}

aio::Coro<> answer_all(aio::StreamReader& reader, aio::StreamWriter& writer) {
    for (;;) {
        const std::string line = co_await reader.readline();
        if (line.empty()) co_return;
        const std::string body = co_await reader.readexactly(std::stoul(line));
        writer.write(line);
        co_await writer.drain();
        co_await writer.write_all(body);
    }
}

aio::Coro<> answer(aio::StreamReader reader, aio::StreamWriter writer) {
    try {
        co_await answer_all(reader, writer);
    } catch (const std::system_error& error) {
        tell(std::string("server: ") + error.what());
    } catch (const aio::IncompleteReadError& error) {
        tell(std::string("server: cut off: ") + error.what());
    }
}

aio::Coro<> ask(aio::StreamConnection connection, int number) {
    const std::string body = text_of(length, number);
    co_await connection.writer.write_all(std::to_string(length) + "\n");
    co_await connection.writer.write_all(body);
    const std::string line = co_await connection.reader.readline();
    if (line.empty()) throw std::runtime_error("no answer");
    const std::string back = co_await connection.reader.readexactly(length);
    if (line != std::to_string(length) + "\n" || back != body) wrong = true;
    connection.writer.write_eof();
    const std::string end = co_await connection.reader.read();
    if (!end.empty()) wrong = true;
}

aio::Coro<> ask_by_tcp(std::uint16_t port, int number) {
    aio::StreamConnection connection = co_await aio::open_connection("127.0.0.1", port);
    co_await ask(std::move(connection), number);
}

aio::Coro<> ask_by_path(std::string path, int number) {
    aio::StreamConnection connection = co_await aio::open_unix_connection(path);
    co_await ask(std::move(connection), number);
}

/// A datagram there and back.
aio::Coro<> ask_by_udp(int number) {
    aio::DatagramEndpoint server(aio::Address("127.0.0.1", 0));
    aio::DatagramEndpoint client(aio::Address("127.0.0.1", 0));
    const std::string text = text_of(1000, number);
    const auto data = std::as_bytes(std::span(text));
    co_await client.send_to(data, server.local_address());
    const aio::Datagram asked = co_await server.receive();
    co_await server.send_to(asked.data(), asked.from());
    const aio::Datagram back = co_await client.receive();
    const auto* const first = reinterpret_cast<const char*>(back.data().data());
    if (std::string(first, back.data().size()) != text) wrong = true;
}

/// True if it was answered.
aio::Coro<bool> attempt(aio::Coro<> request) {
    try {
        co_await aio::wait_for(std::move(request), 20s);
        co_return true;
    } catch (const aio::TimeoutError&) {
        tell("hangs");
        wrong = true;
    } catch (const std::system_error& error) {
        tell(std::string("client: ") + error.what());
    } catch (const std::exception& error) {
        tell(std::string("client: cut off: ") + error.what());
    }
    co_return false;
}

aio::Coro<int> exchange(std::string folder, int count) {
    aio::get_running_loop().set_exception_handler([](aio::EventLoop&, const aio::ErrorContext& context) {
        std::string text = "report: " + context.message;
        try {
            if (context.exception) std::rethrow_exception(context.exception);
        } catch (const std::exception& error) {
            text += std::string(": ") + error.what();
        } catch (...) {
            text += ": something else";
        }
        tell(text);
    });
    const std::string path = folder + "/socket";
    aio::Server tcp = co_await aio::start_server(answer, "127.0.0.1", 0);
    aio::Server local = co_await aio::start_unix_server(answer, path);
    const std::uint16_t port = tcp.sockets().at(0).address().value().port();
    tell("begin");
    int answered = 0;
    for (int i = 0; i < count; ++i) {
        const bool by_tcp = co_await attempt(ask_by_tcp(port, i));
        const bool by_path = co_await attempt(ask_by_path(path, i));
        const bool by_udp = co_await attempt(ask_by_udp(i));
        answered += (by_tcp ? 1 : 0) + (by_path ? 1 : 0) + (by_udp ? 1 : 0);
    }
    tell("done " + std::to_string(answered));
    co_return wrong ? 1 : 0;
}

/// True if writing ends with an error.
aio::Coro<bool> write_until_it_fails(aio::Stream& stream) {
    const std::string text = "anybody there?";
    try {
        for (;;) co_await stream.write_all(std::as_bytes(std::span(text)));
    } catch (const std::system_error& error) {
        tell(error.what());
        co_return true;
    }
}

aio::Coro<int> sigpipe() {
    aio::EventLoop& loop = aio::get_running_loop();
    aio::TcpListener listener("127.0.0.1", 0);
    aio::TcpStream tcp = co_await aio::TcpStream::connect(listener.local_address());
    {
        const aio::TcpStream peer = co_await listener.accept();
    }
    bool failed = co_await write_until_it_fails(tcp);
    auto sockets = aio::PipeStream::pair(loop);
    sockets.second.close();
    const bool socket_failed = co_await write_until_it_fails(sockets.first);
    aio::uv::PipeEnds ends = aio::uv::make_pipe();
    ends.read.close();
    aio::PipeStream pipe(loop, std::move(ends.write));
    const bool pipe_failed = co_await write_until_it_fails(pipe);
    failed = failed && socket_failed && pipe_failed;
    tell(failed ? "done 3" : "no error");
    co_return failed ? 0 : 1;
}

} // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        std::fputs("usage: exchange FOLDER [COUNT] | exchange --sigpipe\n", stderr);
        return 2;
    }
    const std::string first = arguments[1];
    if (first == "--sigpipe") return aio::run(sigpipe());
    return aio::run(exchange(first, count > 2 ? std::atoi(arguments[2]) : 3));
}
