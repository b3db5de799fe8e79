// Descriptors that come from elsewhere: what each kind is good for, and what is refused.

#include <aio/io/stream_connection.hpp>

#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/create_connection.hpp>
#include <aio/io/datagram_endpoint.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/io/wait_readable.hpp>
#include <aio/uv/listener.hpp>
#include <aio/uv/pipe.hpp>
#include <aio/uv/unix_socket.hpp>

#include "file_help.hpp"
#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/socket_posix.hpp"
#include "support/standard_input_posix.hpp"
#include "support/text.hpp"
#include "terminal_help_posix.hpp"

using namespace aio;
using namespace aio::test;

namespace {

uv::Descriptor open_file(const char* path) { return uv::Descriptor(::open(path, O_RDWR | O_CLOEXEC)); }
uv::Descriptor temporary_file() {
    std::string path = "/tmp/aioXXXXXX";
    uv::Descriptor file(::mkstemp(path.data()));
    ::unlink(path.c_str());
    return file;
}

template <class Make>
std::string refusal(Make make) {
    try {
        static_cast<void>(make());
    } catch (const ValueError& error) {
        return std::string("ValueError: ") + error.what();
    } catch (const std::system_error& error) {
        return std::string("system_error: ") + error.code().message();
    }
    return "none";
}

void greet(StreamReader, StreamWriter writer) { writer.write("hello"); }

Coro<std::string> greeting_at(const Address& address) {
    StreamConnection client = co_await open_connection("127.0.0.1", address.port());
    co_return co_await client.reader.read();
}

} // namespace

TEST_CASE("a descriptor that carries no stream is refused by whoever is to adopt it") {
    TestLoop test;
    EventLoop& loop = test.loop;
    for (const auto& make :
         {+[] { return temporary_file(); }, +[] { return new_socket(AF_INET, SOCK_DGRAM); },
          +[] { return uv::Descriptor(); }}) {
        CHECK(refusal([&] { return PipeStream(loop, make()); }).starts_with("ValueError: PipeStream"));
        CHECK(refusal([&] { return TcpStream(loop, make()); }).starts_with("ValueError: TcpStream"));
        CHECK(refusal([&] { return TcpListener(loop, make()); }).starts_with("ValueError: TcpListener"));
        loop.run_until_complete([](const auto& descriptor) -> Coro<> {
            CHECK(refusal([&] {
                      return StreamConnection::from_descriptor(descriptor());
                  }).starts_with("ValueError: PipeStream"));
            const std::string server = co_await outcome(start_server(&greet, descriptor()));
            CHECK(server.starts_with("start_server: descriptor"));
        }(make));
    }
}

TEST_CASE("a device that the system cannot watch is refused") {
    TestLoop test;
    CHECK(refusal([&] { return PipeStream(test.loop, open_file("/dev/null")); }) ==
          "system_error: operation not permitted");
}

TEST_CASE("a terminal and its other end are streams") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        io_test::PseudoTerminal pty;
        PipeStream terminal(loop, std::move(pty.terminal));
        PipeStream other(loop, std::move(pty.keyboard));
        co_await other.write_all(io_test::bytes("line\n"));
        const std::string line = co_await io_test::read_count(terminal, 5);
        CHECK(line == "line\n");
    });
}

TEST_CASE("sockets that are not connected are refused where a connection is wanted") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        for (const int family : {AF_INET, AF_UNIX}) {
            const std::string text =
                refusal([&] { return StreamConnection::from_descriptor(new_socket(family, SOCK_STREAM)); });
            CHECK(text == "system_error: socket is not connected");
        }
        CHECK(refusal([] {
                  return StreamConnection::from_descriptor(uv::listen_tcp(Address("127.0.0.1", 0)));
              }) == "system_error: socket is not connected");
        co_return;
    });
}

TEST_CASE("what a client has sent before it reset its connection can be read by who adopts that") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const uv::Descriptor listening = uv::listen_tcp(Address("127.0.0.1", 0));
        const std::uint16_t port = uv::local_address(listening).port();
        uv::Descriptor client = connected_socket(port);
        REQUIRE(::send(client.get(), "message", 7, 0) == 7);
        reset_when_closed(client.get());
        client.close();
        co_await wait_readable(listening.get());
        StreamConnection connection =
            StreamConnection::from_descriptor(uv::Descriptor(::accept(listening.get(), nullptr, nullptr)));
        const std::string message = co_await connection.reader.read(7);
        CHECK(message == "message");
        const std::string end = co_await outcome(connection.reader.read());
        CHECK(contains(end, "connection reset"));
    });
}

TEST_CASE("what is refused for want of a name is called by its number") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        uv::PipeEnds ends = uv::make_socket_pair();
        const std::string number = std::to_string(ends.read.get());
        const std::string refused = co_await outcome(start_server(&greet, std::move(ends.read)));
        CHECK(refused == "listen on descriptor " + number + ": invalid argument");
    });
}

TEST_CASE("a pipe that was adopted is called by its number, also when it is closed") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        uv::PipeEnds pipe = uv::make_pipe();
        const std::string name = "descriptor " + std::to_string(pipe.write.get());
        PipeStream stream(loop, std::move(pipe.write));
        pipe.read.close();
        const auto write = [&]() -> Coro<> { co_await stream.write_all(io_test::bytes("to nobody")); };
        const std::string broken = co_await outcome(write());
        CHECK(contains(broken, "write to " + name + ": broken pipe"));
        stream.close();
        const std::string closed = co_await outcome(write());
        CHECK(contains(closed, "use of " + name + " after close: "));
    });
}

TEST_CASE("a Unix domain socket that was adopted is called by its path, also when it is closed") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        const io_test::Folder folder;
        const std::string path = (folder / "socket").string();
        const uv::Descriptor listening = uv::listen_unix(path);
        PipeStream stream(loop, uv::connect_unix(path));
        const auto read = [&]() -> Coro<> {
            std::vector<std::byte> memory(10);
            static_cast<void>(co_await stream.read_some(memory));
        };
        Task<> reading = loop.create_task(read());
        co_await rounds(2);
        stream.close();
        const std::string cancelled = co_await outcome(reading);
        CHECK(contains(cancelled, "read from " + path + ": "));
    });
}

TEST_CASE("reading from a pipe's end for writing fails, and does not keep it from being written to") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        uv::PipeEnds pipe = uv::make_pipe();
        StreamConnection in = StreamConnection::from_descriptor(std::move(pipe.read));
        StreamConnection out = StreamConnection::from_descriptor(std::move(pipe.write));
        for (int i = 0; i < 2; ++i) {
            const std::string refused = co_await outcome(out.reader.read(1));
            CHECK(refused.starts_with("read from "));
        }
        out.writer.write("line\n");
        co_await out.writer.drain();
        const std::string line = co_await in.reader.readline();
        CHECK(line == "line\n");
        out.writer.close();
        co_await out.writer.wait_closed();
    });
}

TEST_CASE("a socket that is bound only is listened on by the server or listener that adopts it") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        uv::Descriptor socket = bound_socket();
        const Address address = uv::local_address(socket);
        Server server = co_await start_server(&greet, std::move(socket));
        const std::string greeting = co_await greeting_at(address);
        CHECK(greeting == "hello");

        TcpListener listener(loop, bound_socket());
        StreamConnection client = co_await open_connection("127.0.0.1", listener.local_address().port());
        TcpStream accepted = co_await listener.accept();
        CHECK(accepted.peer_address() == client.writer.sockname());
    });
}

TEST_CASE("standard input is adopted as a stream, and when that closes the null device takes its place") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        for (const bool aborting : {false, true}) {
            uv::PipeEnds ends = uv::make_socket_pair();
            const StandardInput input(std::move(ends.read));
            PipeStream other(loop, std::move(ends.write));
            StreamConnection adopted = StreamConnection::from_descriptor(StandardInput::take());
            co_await other.write_all(io_test::bytes("there\n"));
            const std::string there = co_await adopted.reader.readline();
            CHECK(there == "there\n");
            adopted.writer.write("and back");
            if (aborting)
                adopted.writer.abort();
            else
                adopted.writer.close();
            co_await adopted.writer.wait_closed();
            // To its end.
            const std::string back = co_await io_test::read_all(other);
            CHECK(back == "and back");
            CHECK(StandardInput::is_null_device());
        }
    });
}

TEST_CASE("standard input is adopted as a UDP socket or a listening one, in the same way") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        {
            DatagramEndpoint other(loop, Address("127.0.0.1", 0));
            const StandardInput input(bound_socket(SOCK_DGRAM));
            DatagramEndpoint adopted(loop, StandardInput::take());
            co_await other.send_to(io_test::bytes("there"), adopted.local_address());
            const Datagram datagram = co_await adopted.receive();
            CHECK(io_test::text_of(datagram.data(), datagram.data().size()) == "there");
            CHECK_FALSE(StandardInput::is_null_device());
            adopted.close();
            CHECK(StandardInput::is_null_device());
            co_await io_test::turn();
        }
        const StandardInput input(bound_socket());
        Server server = co_await start_server(&greet, StandardInput::take());
        const std::string greeting = co_await greeting_at(server.sockets().at(0).address().value());
        CHECK(greeting == "hello");
        CHECK_FALSE(StandardInput::is_null_device());
        server.close();
        CHECK(StandardInput::is_null_device());
    });
}

TEST_CASE("rule 92: a socket on which nothing can be accepted is tried again after a pause, and a handler of "
          "errors may close its server") {
    TestLoop test(SteadyClock::instance());
    int reports = 0;
    std::optional<Server> server;
    test.loop.set_exception_handler([&](EventLoop&, const ErrorContext& context) {
        ++reports;
        CHECK(contains(describe(context), "accept a connection at 127.0.0.1:"));
        server.reset();
    });
    test.loop.run_until_complete([](std::optional<Server>& made) -> Coro<> {
        made.emplace(co_await start_server(&greet, "127.0.0.1", 0));
        // As somebody else does who has the same socket.
        ::shutdown(made->sockets().at(0).fileno(), SHUT_RDWR);
        while (made) co_await rounds(1);
        co_await io_test::turn();
    }(server));
    CHECK(reports == 1);
}
