#include <aio/io/stream.hpp>

#include <ostream>
#include <system_error>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>

#include "stream_help.hpp"

using io_test::bytes;
using io_test::error_of;
using io_test::StreamPair;
using io_test::turn;

TEST_CASE("stream: a peer that has gone is an error of writing") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        pair.b.close();
        co_await turn();
        const std::error_code error = co_await error_of([](aio::Stream& stream) -> aio::Coro<> {
            for (;;)
                co_await stream.write_all(bytes("anybody there?"));
        }(pair.a));
        CHECK(error == std::errc::broken_pipe);
    }());
}
