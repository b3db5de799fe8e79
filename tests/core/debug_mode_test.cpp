#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

TEST_CASE("rule 69: debug mode is off by default, and slow callbacks go unnoticed then") {
    TestLoop test;
    CHECK_FALSE(test.loop.get_debug());
    CHECK(test.loop.get_slow_callback_duration() == 100ms);
    test.loop.call_soon([&] { test.clock.advance(10s); });
    test.loop.run_until_complete(rounds(2));
    CHECK(test.reports.empty());
}

TEST_CASE("rule 69: in debug mode a step that takes 100 ms is told with the name of its task") {
    TestLoop test;
    test.loop.set_debug(true);
    const auto body = [&]() -> Coro<> {
        test.clock.advance(99ms);
        co_await sleep(0s);
        test.clock.advance(100ms);
        co_await sleep(0s);
        test.clock.advance(5ms);
    };
    Task<> task = test.loop.create_task(body(), "slow one");
    test.loop.run_until_complete(rounds(6));
    CHECK(task.done());
    REQUIRE(test.reports.size() == 1);
    CHECK(test.reports[0] == "Executing Task 'slow one' took 0.100 seconds");
}

TEST_CASE("rule 69: in debug mode slow callbacks of all kinds are told; the limit can be changed") {
    TestLoop test;
    test.loop.set_debug(true);
    test.loop.set_slow_callback_duration(2s);
    const auto work = [&] { test.clock.advance(2500ms); };
    test.loop.call_soon(work);
    test.loop.call_soon_threadsafe(work);
    test.loop.call_later(0s, work);
    Future<> future = test.loop.create_future<>();
    future.add_done_callback(work);
    future.set_result();
    test.loop.call_soon([&] { test.clock.advance(1s); });
    test.loop.run_until_complete(rounds(3));
    CHECK(test.reports.size() == 4);
    for (const std::string& report : test.reports) {
        CHECK(report.find("callback") != std::string::npos);
        CHECK(report.find("took 2.500 seconds") != std::string::npos);
    }
    test.loop.set_debug(false);
    test.loop.call_soon(work);
    test.loop.run_until_complete(rounds(2));
    CHECK(test.reports.size() == 4);
}
