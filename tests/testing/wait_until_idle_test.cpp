#include <aio/testing/wait_until_idle.hpp>

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/testing/run.hpp>

#include "support/conformance.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

TEST_CASE("wait_until_idle: everything that is ready runs first, however many rounds it takes") {
    // On real time, as in a program: the looks of a virtual clock's loop are not what finds it idle.
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        Task<> busy = loop.create_task(rounds(5000));
        Future<> never = loop.create_future<>();
        const auto wait = [&]() -> Coro<> { co_await never; };
        Task<> blocked = loop.create_task(wait());
        co_await testing::wait_until_idle();
        CHECK(busy.done());
        CHECK_FALSE(blocked.done());
        never.set_result();
    });
}

TEST_CASE("wait_until_idle: it comes before a virtual clock jumps, and calls in threads are waited for") {
    testing::run([]() -> Coro<> {
        EventLoop& loop = get_running_loop();
        bool fired = false;
        const TimerHandle timer = loop.call_later(1ns, [&] { fired = true; });
        const TimePoint before = loop.time();
        Future<int> call = loop.run_in_executor(nullptr, [] { return 5; });
        co_await testing::wait_until_idle();
        CHECK(call.done());
        CHECK_FALSE(fired);
        CHECK(loop.time() == before);
        co_await sleep(1ns);
        CHECK(fired);
    });
}

TEST_CASE("wait_until_idle: several go on together") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        std::vector<int> order;
        const auto wait = [&](int n) -> Coro<> {
            co_await testing::wait_until_idle();
            order.push_back(n);
            co_await testing::wait_until_idle();
            order.push_back(n + 10);
        };
        Task<> a = loop.create_task(wait(1));
        Task<> b = loop.create_task(wait(2));
        co_await a;
        co_await b;
        CHECK(order == std::vector<int>{1, 2, 11, 12});
    });
}

TEST_CASE("wait_until_idle: cancelled and closed while it waits") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto wait = []() -> Coro<> { co_await testing::wait_until_idle(); };
        Task<> task = loop.create_task(wait());
        co_await rounds(1);
        task.cancel("stop");
        const std::string end = co_await outcome(task);
        CHECK(end == "cancelled: stop");
    });
    TestLoop test;
    const auto wait = []() -> Coro<> { co_await testing::wait_until_idle(); };
    const Task<> task = test.loop.create_task(wait());
    test.loop.run_until_complete(rounds(1));
    test.loop.close();
    CHECK(task.cancelled());
}
