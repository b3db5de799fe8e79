// Faults of connections, each of them at a layer where it can be told apart. What is to come of it is always
// the same: nobody hangs, nothing is lost or doubled, the program lives, and an error names the operation and
// where the connection leads.
//
//   half-close                            stream: "half close ..."; rule 89 (stream_writer)
//   reset while reading                   tcp: "a reset by the peer ..."
//   reset in mid-write                    here
//   a peer that has gone                  stream: "writing to a peer that has gone ..."; memory_stream; uv stream
//   a peer that never reads               stream: "a slow reader ...", "... against a peer that never reads ...";
//                                         rule 87 (stream_writer); here, with a limit of time
//   one byte at a time                    here; in memory, for every size of pieces: memory_stream, stream_reader
//   partial writes at every size          here: in memory and through a socket
//   errors after every byte               memory_stream: "reads fail after ...", "writes fail after ..."
//   descriptors used up: accept           here, rule 92 (server), tcp_listener, uv listener
//   descriptors used up: connect          here
//   SIGPIPE                               tests/load, uv loop, uv stream
//   cancellation at every await           request_cancel
//   system calls that fail (EINTR,
//   EAGAIN, ENOMEM, ECONNRESET)           tests/load, under strace
//   many connections, many a second       tests/load

#include <aio/io/tcp_stream.hpp>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/testing/memory_stream.hpp>
#include <aio/uv/unix_socket.hpp>

#include "file_help.hpp"
#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/no_descriptors_posix.hpp"
#include "support/sanitizer.hpp"
#include "support/socket_posix.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using io_test::bytes;
using io_test::long_text;
using io_test::turn;

namespace {

/// Two ends of a TCP connection, of which the second can be reset.
struct TcpPair {
    TcpPair(TcpStream first, TcpStream second, int descriptor)
        : a(std::move(first)), b(std::move(second)), descriptor_of_b(descriptor) {}

    void reset() {
        reset_when_closed(descriptor_of_b);
        b.close();
    }

    TcpStream a;
    TcpStream b;
    int descriptor_of_b;
};

Coro<TcpPair> connected() {
    TcpListener listener("127.0.0.1", 0);
    uv::Descriptor socket = connected_socket(listener.local_address().port());
    const int number = socket.get();
    TcpStream second(get_running_loop(), std::move(socket));
    TcpStream first = co_await listener.accept();
    co_return TcpPair(std::move(first), std::move(second), number);
}

/// Waits until the system holds bytes that have come for this socket. Their way through the system has no end
/// in sight of the loop: on a loaded machine a reader is now and then quicker than they are, with megabytes
/// still to come.
Coro<> until_bytes_wait(int socket) {
    for (int count = 0; count == 0;) {
        co_await turn();
        REQUIRE(::ioctl(socket, FIONREAD, &count) == 0);
    }
}

bool broken(const std::string& text) {
    return contains(text, "connection reset") || contains(text, "broken pipe");
}

} // namespace

TEST_CASE("stream: a reset behind bytes that have come is no clean end") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpPair pair = co_await connected();
        co_await pair.b.write_all(bytes("part"));
        pair.reset();
        const std::string read = co_await outcome(io_test::read_all(pair.a));
        CHECK(contains(read, "connection reset"));

        TcpPair second = co_await connected();
        co_await second.b.write_all(bytes("part"));
        second.reset();
        StreamConnection client(std::move(second.a));
        const std::string whole = co_await outcome(client.reader.read());
        CHECK(contains(whole, "connection reset"));
    });
}

TEST_CASE("stream: a reset that a write has met first is no clean end for those who read") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpPair pair = co_await connected();
        co_await pair.b.write_all(bytes("part"));
        pair.reset();
        CHECK(co_await io_test::error_of(pair.a.write_all(bytes("x"))) == std::errc::connection_reset);
        // What has come before it can be read.
        const std::string part = co_await io_test::read_count(pair.a, 4);
        CHECK(part == "part");
        std::vector<std::byte> memory(10);
        CHECK(co_await io_test::error_of(pair.a.read_some(memory)) == std::errc::connection_reset);
    });
}

TEST_CASE(
    "stream: a reset is no clean end for who reads beside a writer that still sends what it closed over") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        for (const int sent : {0, 1, 128'000, 1'000'000}) {
            TcpPair pair = co_await connected();
            StreamConnection server(std::move(pair.a));
            server.writer.write(std::string(20'000'000, 'y'));
            server.writer.close();
            const std::string text(static_cast<std::size_t>(sent), 'x');
            const auto send = [&]() -> Coro<> { co_await pair.b.write_all(bytes(text)); };
            Task<> sending = create_task(send);
            const auto read = [&]() -> Coro<> { static_cast<void>(co_await server.reader.read()); };
            Task<> reading = create_task(read);
            std::vector<std::byte> memory(100'000);
            CHECK(co_await pair.b.read_some(memory) > 0);
            co_await turn();
            CHECK(server.writer.get_write_buffer_size() > 0);
            // With bytes unread, which resets the connection.
            co_await until_bytes_wait(pair.descriptor_of_b);
            pair.b.close();
            const std::string was_read = co_await outcome(reading);
            CAPTURE(sent);
            CAPTURE(was_read);
            CHECK(contains(was_read, "connection reset"));
            static_cast<void>(co_await outcome(sending));
        }
    });
}

TEST_CASE("stream: a reset in the middle of a write wakes its writer, and errors name the peer") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpPair pair = co_await connected();
        const std::string peer = pair.b.local_address().to_string();
        const std::string large = long_text(16'000'000);
        const auto write = [&]() -> Coro<> { co_await pair.a.write_all(bytes(large)); };
        Task<> writer = create_task(write);
        std::vector<std::byte> memory(100'000);
        // It is in the midst of it.
        for (int i = 0; i < 3; ++i) CHECK(co_await pair.b.read_some(memory) > 0);
        co_await turn();
        CHECK_FALSE(writer.done());
        pair.reset();
        const std::string written = co_await outcome(writer);
        CHECK(broken(written));
        CHECK(contains(written, "write to " + peer + ":"));
        // The system does not know any more who the peer was.
        const std::string again = co_await outcome(write());
        CHECK(contains(again, "write to " + peer + ":"));
        pair.a.close();
        CHECK(contains(co_await outcome(write()), "use of " + peer + " after close:"));
    });
}

TEST_CASE("stream writer: a reset wakes those who wait in drain, write_all and wait_closed") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpPair pair = co_await connected();
        const std::string peer = pair.b.local_address().to_string();
        StreamConnection client(std::move(pair.a));
        const auto fill = [&]() -> Coro<> {
            for (;;) {
                client.writer.write(long_text(50'000));
                co_await client.writer.drain();
            }
        };
        const auto close = [&]() -> Coro<> { co_await client.writer.wait_closed(); };
        const auto read = [&]() -> Coro<> { static_cast<void>(co_await client.reader.readexactly(10)); };
        Task<> filling = create_task(fill);
        Task<> closing = create_task(close);
        Task<> reading = create_task(read);
        co_await turn();
        CHECK_FALSE(filling.done());
        pair.reset();
        const std::string drained = co_await outcome(filling);
        CHECK(broken(drained));
        CHECK(contains(drained, peer));
        const std::string was_read = co_await outcome(reading);
        CHECK(contains(was_read, "connection reset"));
        CHECK(contains(was_read, peer));
        client.writer.close();
        const std::string closed = co_await outcome(closing);
        CHECK(broken(closed));
        CHECK(contains(closed, peer));
        CHECK(client.writer.peername().value().to_string() == peer);
    });
}

TEST_CASE("rule 88: what a connection has broken with stays the same, whatever writes are told later") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpPair pair = co_await connected();
        StreamConnection client(std::move(pair.a));
        pair.reset();
        const std::string was_read = co_await outcome(client.reader.read());
        CHECK(contains(was_read, "connection reset"));
        for (int i = 0; i < 2; ++i) {
            const std::string drained = co_await outcome(client.writer.drain());
            CHECK(contains(drained, "connection reset"));
            CHECK_THROWS_AS(client.writer.write("x"), std::system_error);
        }
        const std::string closed = co_await outcome(client.writer.wait_closed());
        CHECK(contains(closed, "connection reset"));
    });
}

TEST_CASE("stream writer: the end that write_eof has asked for comes before the reset over unread bytes") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpPair pair = co_await connected();
        StreamConnection server(std::move(pair.a), 1);
        co_await pair.b.write_all(bytes("more than it wants to know"));
        co_await turn();
        server.writer.write("answer");
        server.writer.write_eof();
        server.writer.close();
        const std::string answer = co_await io_test::read_all(pair.b);
        CHECK(answer == "answer");
    });
}

TEST_CASE("stream: errors on Unix domain sockets name the path, for the client and for the server") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        const io_test::Folder folder;
        const std::string path = (folder / "socket").string();
        const uv::Descriptor listening = uv::listen_unix(path);
        CHECK(uv::place_of(listening) == path);
        PipeStream client(loop, uv::connect_unix(path));
        PipeStream server(loop, uv::Descriptor(::accept(listening.get(), nullptr, nullptr)));
        PipeStream other(loop, uv::connect_unix(path));
        const auto write = [](Stream& stream) -> Coro<> {
            for (;;) co_await stream.write_all(bytes("anybody there?"));
        };
        server.close();
        const std::string failed = co_await outcome(write(client));
        CHECK(contains(failed, "write to " + path + ":"));
        PipeStream second(loop, uv::Descriptor(::accept(listening.get(), nullptr, nullptr)));
        other.close();
        const std::string of_server = co_await outcome(write(second));
        CHECK(contains(of_server, "write to a client of " + path + ":"));
    });
}

TEST_CASE("stream writer: a request to a peer that never reads ends when its time is over") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](std::vector<std::string>& reports) -> Coro<> {
        TcpPair pair = co_await connected();
        StreamConnection client(std::move(pair.a));
        const auto request = [&]() -> Coro<std::string> {
            for (int i = 0; i < 1000; ++i) {
                client.writer.write(long_text(50'000));
                co_await client.writer.drain();
            }
            co_return co_await client.reader.readline();
        };
        bool late = false;
        try {
            static_cast<void>(co_await wait_for(request(), 100ms));
        } catch (const TimeoutError&) {
            late = true;
        }
        CHECK(late);
        // Close would wait for the peer; abort does not.
        client.writer.close();
        const auto close = [&]() -> Coro<> { co_await client.writer.wait_closed(); };
        late = false;
        try {
            co_await wait_for(close(), 20ms);
        } catch (const TimeoutError&) {
            late = true;
        }
        CHECK(late);
        client.writer.abort();
        CHECK(client.writer.is_closing());
        CHECK(reports.empty());
    }(test.reports));
}

TEST_CASE("stream reader: a peer that sends one byte at a time is understood all the same") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpPair pair = co_await connected();
        StreamConnection client(std::move(pair.a));
        const std::string message = "GET / HTTP/1.1\r\nlength: 5\r\n\r\n12345tail";
        const auto send = [&]() -> Coro<> {
            for (const char& byte : message) {
                co_await pair.b.write_all(bytes(std::string_view(&byte, 1)));
                // Each arrives by itself.
                co_await rounds(3);
            }
            co_await pair.b.shutdown_write();
        };
        Task<> sender = create_task(send);
        const std::string first = co_await client.reader.readline();
        CHECK(first == "GET / HTTP/1.1\r\n");
        const std::string head = co_await client.reader.readuntil("\r\n\r\n");
        CHECK(head == "length: 5\r\n\r\n");
        const std::string body = co_await client.reader.readexactly(5);
        CHECK(body == "12345");
        const std::string tail = co_await client.reader.read();
        CHECK(tail == "tail");
        co_await std::move(sender);
    });
}

TEST_CASE("stream: writes that are taken in parts, of every size, arrive whole and in order") {
    run_in_loop([](EventLoop&) -> Coro<> {
        using testing::MemoryStream;
        using testing::MemoryStreamOptions;
        // The first part is what there is room for; what follows depends on how much is read at a time.
        const std::string message = long_text(40);
        for (std::size_t capacity = 0; capacity <= message.size() + 1; ++capacity) {
            for (const std::size_t piece : {1U, 2U, 3U, 7U, 39U, 40U, 100U}) {
                CAPTURE(capacity);
                CAPTURE(piece);
                auto ends = MemoryStream::pair(MemoryStreamOptions().capacity(capacity));
                const auto write = [&]() -> Coro<> {
                    for (int i = 0; i < 2; ++i) co_await ends.first.write_all(bytes(message));
                    co_await ends.first.shutdown_write();
                };
                Task<> writer = create_task(write);
                const std::string text = co_await io_test::read_all(ends.second, piece);
                CHECK(text == message + message);
                co_await std::move(writer);
            }
        }
    });
}

TEST_CASE("stream: a socket with little room takes writes in parts, of every size, and loses nothing") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        uv::PipeEnds ends = uv::make_socket_pair();
        const int smallest = 1;
        REQUIRE(::setsockopt(ends.write.get(), SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest) == 0);
        PipeStream in(loop, std::move(ends.read));
        PipeStream out(loop, std::move(ends.write));
        // Around the sizes at which something changes: what fits at once, what is copied, what is borrowed.
        std::vector<std::size_t> sizes;
        for (std::size_t size = 1; size <= 200'000; size = size + size / 9 + 1) sizes.push_back(size);
        for (const std::size_t edge : {2048U, 4096U, 4608U, 65536U, 131072U}) {
            for (std::size_t size = edge - 2; size <= edge + 2; ++size) sizes.push_back(size);
        }
        std::string expected;
        for (const std::size_t size : sizes) expected += long_text(size);
        const auto write = [&]() -> Coro<> {
            for (const std::size_t size : sizes) {
                const std::string text = long_text(size);
                co_await out.write_all(bytes(text));
            }
            co_await out.shutdown_write();
        };
        Task<> writer = create_task(write);
        std::string text;
        std::vector<std::byte> memory(9000);
        for (std::size_t i = 0;; ++i) {
            const std::size_t count = co_await in.read_some(std::span(memory).first(1 + (i * 977) % 9000));
            if (count == 0) break;
            text += io_test::text_of(memory, count);
        }
        co_await std::move(writer);
        CHECK(text.size() == expected.size());
        CHECK((text == expected));
    });
}

namespace {

/// Says hello, and stays until the client goes.
Coro<> greet(StreamReader reader, StreamWriter writer) {
    co_await writer.write_all("hello\n");
    static_cast<void>(co_await reader.read());
}

Coro<std::string> line_from(StreamConnection& client) { co_return co_await client.reader.readline(); }

/// The lowest number that the next descriptor may have.
rlim_t next_descriptor() {
    const uv::Descriptor next(::dup(2));
    return static_cast<rlim_t>(next.get());
}

} // namespace

// A sanitizer needs descriptors of its own.
TEST_CASE("rule 92: with too few descriptors for its clients a server loses none of them" *
          doctest::skip(sanitizer::any)) {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](std::vector<std::string>& reports) -> Coro<> {
        Server server = co_await start_server(greet, "127.0.0.1", 0, ServerOptions().start_serving(false));
        const Address address = server.sockets().at(0).address().value();
        constexpr std::size_t count = 8;
        std::vector<StreamConnection> clients;
        for (std::size_t i = 0; i < count; ++i)
            clients.push_back(co_await open_connection("127.0.0.1", address.port()));
        {
            // Room for three at a time.
            const NoDescriptors few(next_descriptor() + 3);
            server.start_serving();
            while (reports.empty()) co_await rounds(1);
            CHECK(server.connections() == 3);
            // They come in order. Those that leave make room for those that wait.
            for (std::size_t i = 0; i < count; ++i) {
                CHECK(co_await line_from(clients[i]) == "hello\n");
                clients[i].writer.close();
            }
        }
        CHECK(reports.size() >= 1);
        for (const std::string& report : reports) {
            CHECK(contains(report, "cannot accept connections now"));
            CHECK(contains(report, "accept a connection at " + address.to_string() + ":"));
        }
    }(test.reports));
}

TEST_CASE("connections: without descriptors connecting is an error that names the address, and recovers" *
          doctest::skip(sanitizer::any)) {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(greet, "127.0.0.1", 0);
        const Address address = server.sockets().at(0).address().value();
        std::string refused;
        std::string raw;
        {
            const NoDescriptors none;
            refused = co_await outcome(open_connection("127.0.0.1", address.port()));
            raw = co_await outcome(TcpStream::connect(address));
        }
        CHECK(contains(refused, "connect to " + address.to_string() + ":"));
        CHECK(contains(refused, "too many open files"));
        CHECK(raw == refused);
        StreamConnection client = co_await open_connection("127.0.0.1", address.port());
        CHECK(co_await line_from(client) == "hello\n");
    });
}
