// Streams belong to the loop that they were made on, and are refused elsewhere, also where nothing has to be
// waited for.

#include <aio/io/stream_connection.hpp>

#include <array>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/tcp_listener.hpp>

#include "stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;

namespace {

const std::string refused = "this stream belongs to another loop than the task that uses it";

} // namespace

TEST_CASE("stream: one of another loop is refused") {
    TestLoop far(SteadyClock::instance());
    io_test::StreamPair ends(far.loop);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        std::array<std::byte, 10> memory;
        const auto read = [&]() -> Coro<> { co_await ends.a.read_some(memory); };
        const auto write = [&]() -> Coro<> { co_await ends.a.write_all(io_test::bytes("x")); };
        const auto end = [&]() -> Coro<> { co_await ends.a.shutdown_write(); };
        CHECK(co_await outcome(read()) == refused);
        CHECK(co_await outcome(write()) == refused);
        CHECK(co_await outcome(end()) == refused);
    });
}

TEST_CASE("stream writer: one of another loop is refused") {
    TestLoop far(SteadyClock::instance());
    io_test::StreamPair ends(far.loop);
    StreamConnection connection(std::move(ends.a));
    TcpListener listener(far.loop, Address("127.0.0.1", 0));
    run_in_real_time([&](EventLoop&) -> Coro<> {
        CHECK(thrown_by([&] { connection.writer.write("x"); }) == refused);
        CHECK(thrown_by([&] { connection.writer.write_eof(); }) == refused);
        CHECK(co_await outcome(connection.writer.drain()) == refused);
        CHECK(co_await outcome(connection.reader.read(1)) == refused);
        CHECK(co_await outcome(listener.accept()) == "accept: this listener belongs to another loop");
    });
}
