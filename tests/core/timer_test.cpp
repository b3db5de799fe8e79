#include <chrono>
#include <limits>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

TEST_CASE("rule 59: callbacks and timers with the same deadline run in the order in which they were set") {
    TestLoop test;
    std::string soon;
    std::string timed;
    const TimePoint when = test.loop.time() + 1ms;
    for (char c = 'a'; c <= 'z'; ++c) {
        test.loop.call_soon(note(soon, c));
        test.loop.call_at(when, note(timed, c));
    }
    test.loop.call_at(when, [&] { test.loop.stop(); });
    test.loop.run_forever();
    CHECK(soon == "abcdefghijklmnopqrstuvwxyz");
    CHECK(timed == "abcdefghijklmnopqrstuvwxyz");
}

TEST_CASE("rule 60: a delay that is not a number is refused, one without end never ends") {
    // On real time: libuv's timer is to be set that far.
    TestLoop test(SteadyClock::instance());
    const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
    const std::chrono::duration<double> infinite(std::numeric_limits<double>::infinity());
    CHECK_THROWS_AS(static_cast<void>(sleep(nan)), ValueError);
    CHECK_THROWS_AS(static_cast<void>(test.loop.call_later(nan, [] {})), ValueError);
    bool called = false;
    TimerHandle forever = test.loop.call_later(infinite, [&] { called = true; });
    TimerHandle ages = test.loop.call_later(std::chrono::hours::max(), [&] { called = true; });
    TimerHandle last = test.loop.call_at(TimePoint::max(), [&] { called = true; });
    run_rounds(test.loop, 3);
    TimerHandle at_once = test.loop.call_at(TimePoint::min(), [&] { called = true; });
    TimerHandle also = test.loop.call_later(-infinite, [&] { called = true; });
    CHECK_FALSE(called);
    run_rounds(test.loop, 2);
    CHECK(called);
    forever.cancel();
    last.cancel();
    static_cast<void>(ages);
}

TEST_CASE("rule 61: no timer fires before its time, whatever fraction of a millisecond it asks for") {
    // On real time: libuv's timer knows whole milliseconds only.
    TestLoop test(SteadyClock::instance());
    int early = 0;
    int fired = 0;
    constexpr int count = 60;
    for (int i = 0; i < count; ++i) {
        const auto delay = std::chrono::nanoseconds(83'333 * i + 1);
        const TimePoint when = test.loop.time() + delay;
        test.loop.call_at(when, [&, when] {
            early += test.loop.time() < when ? 1 : 0;
            if (++fired == count) test.loop.stop();
        });
    }
    test.loop.run_forever();
    CHECK(early == 0);
}

TEST_CASE(
    "rule 61: a timer is in time although the loop waited for a later one, or for one since cancelled") {
    // On real time: libuv's one timer has to be set anew.
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        bool late = false;
        TimerHandle last = loop.call_later(60s, [&] { late = true; });
        // While this is awaited there is nothing but timers to wait for.
        const auto call_from_a_thread = [&loop](auto function) -> Coro<> {
            Future<> called = loop.create_future();
            std::thread thread([&] {
                loop.call_soon_threadsafe([&] {
                    function();
                    called.set_result();
                });
            });
            co_await called;
            thread.join();
        };
        co_await call_from_a_thread([] {});
        co_await sleep(1ms);
        CHECK_FALSE(late);
        TimerHandle early = loop.call_later(2ms, [] {});
        const auto cancel_it = [&] { early.cancel(); };
        co_await call_from_a_thread(cancel_it);
        const TimePoint before = loop.time();
        co_await sleep(4ms);
        CHECK(loop.time() - before >= 4ms);
        CHECK_FALSE(late);
        last.cancel();
    });
}

TEST_CASE("rule 62: delays are not rounded to milliseconds, and time goes on inside a callback") {
    // On real time: libuv's timer knows whole milliseconds only, and its time stands still in a callback.
    TestLoop test(SteadyClock::instance());
    EventLoop& loop = test.loop;
    std::string order;
    loop.call_later(1400us, note(order, '3'));
    loop.call_later(1200us, note(order, '2'));
    loop.call_later(1100us, note(order, '1'));
    loop.call_later(1600us, note(order, '4'));
    loop.call_later(2ms, [&] {
        const TimePoint before = loop.time();
        while (loop.time() - before < 100us) {
        }
        loop.stop();
    });
    loop.run_forever();
    CHECK(order == "1234");
    const auto nap = [&]() -> Coro<Duration> {
        const TimePoint before = loop.time();
        co_await sleep(400us);
        co_return loop.time() - before;
    };
    CHECK(loop.run_until_complete(nap()) >= 400us);
}

TEST_CASE("a loop reads the time from the clock that it is given") {
    class ManualClock final : public Clock {
    public:
        [[nodiscard]] TimePoint now() noexcept override { return time; }
        TimePoint time{1h};
    };
    ManualClock clock;
    EventLoop loop(clock);
    std::string order;
    loop.call_later(2h, note(order, 'b'));
    loop.call_later(1h, note(order, 'a'));
    const auto main = [&]() -> Coro<> {
        co_await rounds(3);
        CHECK(order.empty());
        clock.time += 1h;
        co_await rounds(2);
        CHECK(order == "a");
        clock.time += 1h;
        co_await sleep(0s);
        co_await rounds(1);
        CHECK(order == "ab");
    };
    loop.run_until_complete(main());
}
