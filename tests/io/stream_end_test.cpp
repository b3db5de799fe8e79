// How connections end that nobody holds any more, or whose writes were given up.

#include <aio/io/stream_connection.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/datagram_endpoint.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/structure/exception_group.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/testing/memory_stream.hpp>

#include "stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using io_test::long_text;

namespace {

/// More than the system takes at once.
constexpr std::size_t much = 6'000'000;

Coro<> write_much_and_leave(StreamReader, StreamWriter writer) {
    writer.write(long_text(much));
    co_return;
}

std::uint16_t port_of(const Server& server) { return server.sockets()[0].address().value().port(); }

template <class Condition>
Coro<> until(Condition condition) {
    while (!condition()) co_await io_test::turn();
}

} // namespace

TEST_CASE("rule 93: what a handler has written is sent before its connection counts as closed") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        Server server = co_await start_server(write_much_and_leave, "127.0.0.1", 0);
        StreamConnection client = co_await open_connection("127.0.0.1", port_of(server));
        co_await until([&] { return server.connections() == 1; });
        server.close();
        Task<> closed = loop.create_task([](Server& s) -> Coro<> { co_await s.wait_closed(); }(server));
        co_await rounds(10);
        CHECK_FALSE(closed.done());
        const std::string all = co_await client.reader.read();
        CHECK(all.size() == much);
        co_await closed;
    });
}

TEST_CASE("rule 93: connections that still send what a handler has written can be aborted") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(write_much_and_leave, "127.0.0.1", 0);
        StreamConnection client = co_await open_connection("127.0.0.1", port_of(server));
        co_await until([&] { return server.connections() == 1; });
        co_await rounds(10);
        CHECK(server.connections() == 1);
        server.abort_clients();
        CHECK(server.connections() == 0);
        const std::string part = co_await client.reader.read();
        CHECK(part.size() < much);
    });
}

TEST_CASE("stream writer: a write that is given up ends drain and wait_closed, too") {
    for (const bool closing : {false, true})
        run_in_real_time([&](EventLoop& loop) -> Coro<> {
            io_test::StreamPair ends(loop);
            StreamConnection connection(std::move(ends.a));
            const std::string text = long_text(much);
            const auto write = [&]() -> Coro<> { co_await connection.writer.write_all(text); };
            const auto drain = [&]() -> Coro<> { co_await connection.writer.drain(); };
            const auto wait = [&]() -> Coro<> { co_await connection.writer.wait_closed(); };
            Task<> writer = loop.create_task(write());
            co_await rounds(3);
            Task<> drainer = loop.create_task(drain());
            Task<> closer = loop.create_task(wait());
            co_await rounds(3);
            if (closing) connection.writer.close();
            writer.cancel();
            co_await rounds(2);
            writer.cancel();
            CHECK(co_await outcome(writer) == "cancelled");
            const std::error_code drained = co_await io_test::error_of(drainer);
            CHECK(drained == std::errc::operation_canceled);
            const std::error_code closed = co_await io_test::error_of(closer);
            CHECK(closed == std::errc::operation_canceled);
            CHECK(connection.writer.is_closing());
        });
}

TEST_CASE(
    "rule 87: a write that begins below the high-water mark is taken, also when it was above it before") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        io_test::StreamPair ends(loop);
        StreamConnection connection(std::move(ends.a));
        StreamConnection peer(std::move(ends.b));
        connection.writer.write(long_text(much));
        CHECK_THROWS_AS(connection.writer.write("x"), BufferError);
        while (connection.writer.get_write_buffer_size() > 60'000)
            static_cast<void>(co_await peer.reader.read(4096));
        connection.writer.write("x");
    });
}

TEST_CASE("a limit of 0 is refused by those who are given it") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const auto handler = [](StreamReader, StreamWriter) {};
        const auto serve = [&] {
            static_cast<void>(start_server(handler, "127.0.0.1", 0, ServerOptions().limit(0)));
        };
        CHECK(thrown_by(serve) == "the limit of a StreamReader must not be 0");
        CHECK(co_await outcome(open_connection("127.0.0.1", 1, ConnectOptions().limit(0))) ==
              "the limit of a StreamReader must not be 0");
    });
}

TEST_CASE("rule 94: all_errors gives a group of one address as well") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        bool group = false;
        try {
            static_cast<void>(co_await open_connection("127.0.0.1", 1, ConnectOptions().all_errors(true)));
        } catch (const ExceptionGroup& errors) {
            group = errors.exceptions().size() == 1;
        }
        CHECK(group);
    });
}

TEST_CASE("datagrams: an endpoint may go while a send that failed gives way") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        auto endpoint = std::make_unique<DatagramEndpoint>(DatagramOptions().remote(Address("127.0.0.1", 1)));
        const auto send = [&]() -> Coro<std::string> {
            const std::byte data[1]{};
            std::string text;
            while (endpoint && text.empty()) {
                try {
                    co_await endpoint->send(data);
                } catch (const std::system_error& error) {
                    text = error.what();
                }
            }
            co_return text;
        };
        const auto remove = [&]() -> Coro<> {
            endpoint.reset();
            co_return;
        };
        Task<std::string> sender = loop.create_task(send());
        Task<> remover = loop.create_task(remove());
        const std::string text = co_await sender;
        CHECK((text.empty() || text.find("127.0.0.1:1") != std::string::npos));
        co_await remover;
    });
}

TEST_CASE("streams: what earlier writes have left is sent although a write waits when the stream is closed") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        io_test::StreamPair ends(loop);
        const std::string before = co_await io_test::fill(ends.a);
        REQUIRE(ends.a.write_queue_size() > 0);
        const std::string later(much, 'x');
        const auto write = [&]() -> Coro<> { co_await ends.a.write_all(io_test::bytes(later)); };
        Task<> writer = loop.create_task(write());
        co_await rounds(2);
        CHECK_FALSE(writer.done());
        ends.a.close();
        CHECK(co_await io_test::error_of(writer) == std::errc::operation_canceled);
        const std::string all = co_await io_test::read_all(ends.b);
        CHECK(all == before);
    });
}

TEST_CASE("stream writer: one of another loop is refused") {
    TestLoop far(SteadyClock::instance());
    io_test::StreamPair ends(far.loop);
    StreamConnection connection(std::move(ends.a));
    TcpListener listener(far.loop, Address("127.0.0.1", 0));
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const std::string refused = "this stream belongs to another loop than the task that uses it";
        CHECK(thrown_by([&] { connection.writer.write("x"); }) == refused);
        CHECK(thrown_by([&] { connection.writer.write_eof(); }) == refused);
        CHECK(co_await outcome(connection.writer.drain()) == refused);
        CHECK(co_await outcome(connection.reader.read(1)) == refused);
        CHECK(co_await outcome(listener.accept()) == "accept: this listener belongs to another loop");
    });
}

TEST_CASE("start_server: addresses that this machine does not have are passed over while others are left") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::vector<std::string> hosts;
        // Reserved for documents (RFC 5737).
        hosts.push_back("192.0.2.1");
        hosts.push_back("127.0.0.1");
        Server server = co_await start_server(write_much_and_leave, hosts, 0);
        REQUIRE(server.sockets().size() == 1);
        CHECK(server.sockets()[0].address().value().ip() == "127.0.0.1");
        hosts.pop_back();
        const std::string refused = co_await outcome(start_server(write_much_and_leave, hosts, 0));
        CHECK(refused.starts_with("listen on 192.0.2.1:0"));
    });
}

TEST_CASE("stream writer: a connection that nobody holds and that still sends is closed with its loop") {
    for (const bool waiting : {false, true}) {
        TestLoop test(SteadyClock::instance());
        io_test::StreamPair ends(test.loop);
        const std::string text = long_text(much);
        const auto write = [&](StreamConnection connection) -> Coro<> {
            if (waiting)
                co_await connection.writer.write_all(text);
            else
                connection.writer.write(text);
        };
        Task<> writer = test.loop.create_task(write(StreamConnection(std::move(ends.a))));
        test.loop.run_until_complete(rounds(5));
        CHECK(writer.done() == !waiting);
        test.loop.close();
        CHECK_FALSE(ends.b.is_open());
    }
}

TEST_CASE("memory stream: a writer that goes while a write waits lets that write end first") {
    TestLoop test;
    test.loop.run_until_complete([](EventLoop& loop) -> Coro<> {
        auto ends = testing::MemoryStream::pair();
        const std::string text = long_text(much);
        auto connection = std::make_unique<StreamConnection>(std::move(ends.first));
        const auto write = [](StreamWriter& to, const std::string& all) -> Coro<> {
            co_await to.write_all(all);
        };
        Task<> writer = loop.create_task(write(connection->writer, text));
        co_await rounds(3);
        CHECK_FALSE(writer.done());
        connection.reset();
        const std::string all = co_await io_test::read_all(ends.second);
        CHECK(all == text);
        co_await writer;
    }(test.loop));
}

TEST_CASE("stream writer: one that goes while a write waits lets that write end first") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        io_test::StreamPair ends(loop);
        const std::string text = long_text(much);
        auto connection = std::make_unique<StreamConnection>(std::move(ends.a));
        const auto write = [](StreamWriter& to, const std::string& all) -> Coro<> {
            co_await to.write_all(all);
        };
        Task<> writer = loop.create_task(write(connection->writer, text));
        co_await rounds(5);
        CHECK_FALSE(writer.done());
        connection.reset();
        const std::string all = co_await io_test::read_all(ends.b);
        CHECK(all == text);
        co_await writer;
    });
}
