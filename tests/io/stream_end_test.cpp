// How connections end that nobody holds any more, or whose writes were given up.

#include <aio/io/stream_connection.hpp>

#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/testing/memory_stream.hpp>

#include "stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::long_text;

namespace {

/// More than the system takes at once.
constexpr std::size_t much = 6'000'000;

struct MemoryPair {
    explicit MemoryPair(EventLoop& loop) : MemoryPair(testing::MemoryStream::pair(loop)) {}
    explicit MemoryPair(std::pair<testing::MemoryStream, testing::MemoryStream> ends)
        : a(std::move(ends.first)), b(std::move(ends.second)) {}
    testing::MemoryStream a;
    testing::MemoryStream b;
};

} // namespace

TEST_CASE("stream writer: a write that is given up ends drain and wait_closed, too") {
    for (const bool closing : {false, true})
        run_in_real_time([&](EventLoop& loop) -> Coro<> {
            io_test::StreamPair ends(loop);
            StreamConnection connection(std::move(ends.a));
            const std::string text = long_text(much);
            const auto write = [&]() -> Coro<> { co_await connection.writer.write_all(text); };
            const auto drain = [&]() -> Coro<> { co_await connection.writer.drain(); };
            const auto wait = [&]() -> Coro<> { co_await connection.writer.wait_closed(); };
            const auto read = [&]() -> Coro<> { static_cast<void>(co_await connection.reader.read()); };
            Task<> writer = loop.create_task(write());
            co_await rounds(3);
            Task<> drainer = loop.create_task(drain());
            Task<> closer = loop.create_task(wait());
            Task<> reader = loop.create_task(read());
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
            // What has come so far is no whole message.
            const std::error_code was_read = co_await io_test::error_of(reader);
            CHECK(was_read == std::errc::operation_canceled);
            CHECK_FALSE(connection.reader.at_eof());
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

TEST_CASE_TEMPLATE("stream writer: one that goes while a write waits lets that write end first", Ends,
                   io_test::StreamPair, MemoryPair) {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        Ends ends(loop);
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
