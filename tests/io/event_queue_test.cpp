#include <aio/io/event_queue.hpp>

#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/uv/error.hpp>

#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using detail::EventError;

TEST_CASE("an event that is an error says where that came from, whatever has come since") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        detail::EventQueue<int> queue(loop.state());
        const int status = uv::status_of(std::errc::connection_refused);
        for (const char* what : {"here", "there"}) queue.push(EventError(status, what));
        const auto next = [&]() -> Coro<> {
            static_cast<void>(co_await detail::NextEventOperation<int>(queue, "ask"));
        };
        for (const char* what : {"here", "there"}) {
            const std::string error = co_await outcome(next());
            CHECK(contains(error, std::string(what) + ": connection refused"));
        }
    });
}
