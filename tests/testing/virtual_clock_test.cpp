#include <aio/testing/virtual_clock.hpp>

#include <chrono>
#include <coroutine>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/testing/run.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

TEST_CASE("virtual clock: a long sleep takes no time, and the loop's clock shows that it passed") {
    const auto before = std::chrono::steady_clock::now();
    testing::VirtualClock clock;
    EventLoop loop(clock);
    const TimePoint start = loop.time();
    loop.run_until_complete(sleep(24h * 365));
    CHECK(loop.time() - start == 24h * 365);
    CHECK(std::chrono::steady_clock::now() - before < 30s);
}

TEST_CASE("virtual clock: timers fire at exactly their times, in order") {
    testing::VirtualClock clock;
    EventLoop loop(clock);
    std::vector<std::string> log;
    const TimePoint start = loop.time();
    const auto note = [&](const char* name) {
        log.push_back(name + std::string(" ") + std::to_string((loop.time() - start) / 1ms));
    };
    const auto main = [&]() -> Coro<> {
        loop.call_later(30ms, [&] { note("c"); });
        loop.call_later(10ms, [&] { note("a"); });
        loop.call_later(20ms, [&] {
            note("b");
            loop.call_later(5ms, [&] { note("d"); });
        });
        co_await sleep(1h);
        note("end");
    };
    loop.run_until_complete(main());
    CHECK(log == std::vector<std::string>{"a 10", "b 20", "d 25", "c 30", "end 3600000"});
}

TEST_CASE("virtual clock: what is ready runs before time passes") {
    const int steps = testing::run([]() -> Coro<int> {
        int count = 0;
        const auto busy = [&]() -> Coro<> {
            for (int i = 0; i < 100'000; ++i, ++count) co_await sleep(0s);
        };
        Task<> task = create_task(busy());
        co_await sleep(1ns);
        co_return count;
    });
    CHECK(steps == 100'000);
}

TEST_CASE("virtual clock: it stands still while a call runs in a thread") {
    const std::string end = testing::run([]() -> Coro<std::string> {
        const auto slow = [] {
            std::this_thread::sleep_for(5ms);
            return 7;
        };
        const TimePoint before = get_running_loop().time();
        const int n = co_await wait_for(to_thread(slow), 1ms);
        co_return std::to_string(n) + (get_running_loop().time() == before ? " at once" : " later");
    });
    CHECK(end == "7 at once");
}

TEST_CASE("virtual clock: it stands still while a foreign awaitable is awaited, which a thread may resume") {
    struct OnThread {
        OnThread() = default;
        OnThread(const OnThread&) = delete;
        OnThread& operator=(const OnThread&) = delete;
        ~OnThread() { thread.join(); }
        bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> caller) {
            thread = std::thread([caller] {
                std::this_thread::sleep_for(5ms);
                caller.resume();
            });
        }
        void await_resume() const noexcept {}
        std::thread thread;
    };
    testing::run([]() -> Coro<> {
        EventLoop& loop = get_running_loop();
        bool fired = false;
        const TimerHandle timer = loop.call_later(1ms, [&] { fired = true; });
        OnThread foreign;
        co_await foreign;
        CHECK_FALSE(fired);
        co_await sleep(1ms);
        CHECK(fired);
    });
}

TEST_CASE("virtual clock: without autojump it moves by advance alone") {
    testing::VirtualClock clock;
    EventLoop loop(clock);
    clock.set_autojump(false);
    CHECK_THROWS_AS(clock.advance(-1ns), ValueError);
    bool fired = false;
    const auto main = [&]() -> Coro<> {
        loop.call_later(10ms, [&] { fired = true; });
        clock.advance(9ms);
        co_await rounds(3);
        CHECK_FALSE(fired);
        clock.advance(1ms);
        co_await rounds(3);
        CHECK(fired);
    };
    loop.run_until_complete(main());
    clock.set_autojump(true);
    loop.run_until_complete(sleep(1ms));
}

TEST_CASE("testing::run gives the result, throws what the coroutine throws, and closes the loop") {
    CHECK(testing::run([]() -> Coro<int> { co_return 3; }) == 3);
    const auto fail = []() -> Coro<> {
        co_await sleep(1h);
        throw std::runtime_error("an hour later");
    };
    CHECK(thrown_by([&] { testing::run(fail()); }) == "an hour later");
}
