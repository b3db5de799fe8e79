#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> give(int n) { co_return n; }

/// Waits for a future, in a task of its own.
Coro<int> wait_for_future(Future<int> future) { co_return co_await future; }

/// Awaits, notes what came, then suspends once more and notes that.
Coro<> two_waits(Future<int> future, std::string& log) {
    log += co_await outcome(std::move(future));
    log += ", then " + co_await outcome(sleep(0s));
}

} // namespace

TEST_CASE("rule 6: cancel says whether it can still have an effect, and counts only then") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> done = loop.create_task(give(1));
        co_await done;
        CHECK_FALSE(done.cancel());
        CHECK(done.cancelling() == 0);
        CHECK(done.result() == 1);

        Future<int> future = loop.create_future<int>();
        Task<int> waiting = loop.create_task(wait_for_future(future));
        co_await rounds(1);
        CHECK(waiting.cancel("why"));
        CHECK(waiting.cancelling() == 1);
        CHECK(future.cancelled());
        CHECK_FALSE(waiting.done());
        CHECK(co_await outcome(waiting) == "cancelled: why");
        CHECK(waiting.cancelled());
        CHECK_FALSE(waiting.cancel());
        CHECK(waiting.cancelling() == 1);
    });
}

TEST_CASE("rule 7: a task cancelled before its first step never runs, and its arguments are destroyed") {
    int alive = 0;
    bool ran = false;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        const auto body = [&](Tracer) -> Coro<> {
            ran = true;
            co_return;
        };
        Task<> task = loop.create_task(body(Tracer(alive)));
        CHECK(alive == 1);
        CHECK(task.cancel("early"));
        CHECK_FALSE(task.done());
        CHECK(co_await outcome(task) == "cancelled: early");
        CHECK(alive == 0);
    });
    CHECK_FALSE(ran);
}

TEST_CASE("rule 8: a value that has been delivered is returned, and the cancellation comes at the next "
          "suspension") {
    std::string log;
    bool cancelled = false;
    SUBCASE("from a future") {
        run_in_loop([&](EventLoop& loop) -> Coro<> {
            Future<int> future = loop.create_future<int>();
            Task<> task = loop.create_task(two_waits(future, log));
            co_await rounds(1);
            future.set_result(1);
            CHECK(task.cancel("late"));
            co_await task;
            cancelled = task.cancelled();
        });
        CHECK(log == "value, then cancelled: late");
    }
    SUBCASE("from a task") {
        run_in_loop([&](EventLoop& loop) -> Coro<> {
            Future<int> future = loop.create_future<int>();
            Task<int> inner = loop.create_task(wait_for_future(future));
            Task<> task = loop.create_task(two_waits(inner, log));
            co_await rounds(1);
            future.set_result(1);
            inner.add_done_callback([&] { CHECK(task.cancel("late")); });
            co_await task;
            CHECK(inner.result() == 1);
        });
        CHECK(log == "value, then cancelled: late");
    }
    SUBCASE("an exception counts as delivered too") {
        run_in_loop([&](EventLoop& loop) -> Coro<> {
            Future<int> future = loop.create_future<int>();
            Task<> task = loop.create_task(two_waits(future, log));
            co_await rounds(1);
            future.set_exception(std::runtime_error("bad"));
            CHECK(task.cancel("late"));
            co_await task;
        });
        CHECK(log == "bad, then cancelled: late");
    }
    SUBCASE("and nothing is lost of a move-only value") {
        run_in_loop([&](EventLoop& loop) -> Coro<> {
            Future<std::unique_ptr<int>> future = loop.create_future<std::unique_ptr<int>>();
            int got = 0;
            const auto take = [&]() -> Coro<> {
                const std::unique_ptr<int> mine = co_await Future<std::unique_ptr<int>>(future);
                got = *mine;
            };
            Task<> task = loop.create_task(take());
            co_await rounds(1);
            future.set_result(std::make_unique<int>(9));
            CHECK(task.cancel());
            log = co_await outcome(task);
            CHECK(got == 9);
        });
        // No suspension came after it, so that the task ends cancelled (rule 11).
        CHECK(log == "cancelled");
    }
    CHECK_FALSE(cancelled);
}

TEST_CASE(
    "rule 9: cancelling a task that awaits another cancels that one; it may refuse, and its value arrives") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto stubborn = []() -> Coro<int> {
            const std::string end = co_await outcome(sleep(1h));
            CHECK(end == "cancelled: please");
            co_await rounds(3);
            co_return 42;
        };
        Task<int> inner = loop.create_task(stubborn());
        const auto wait = [](Task<int> task) -> Coro<int> { co_return co_await task; };
        Task<int> middle = loop.create_task(wait(inner));
        Task<int> outer = loop.create_task(wait(middle));
        co_await rounds(2);
        CHECK(outer.cancel("please"));
        CHECK_FALSE(outer.done());
        const int value = co_await outer;
        CHECK(value == 42);
        CHECK_FALSE(outer.cancelled());
        CHECK(outer.cancelling() == 1);
        CHECK(middle.cancelling() == 1);
        CHECK(inner.cancelling() == 1);
    });
}

TEST_CASE("rule 9: others who wait for the inner task get its CancelledError without having been cancelled") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Future<int> never = loop.create_future<int>();
        Task<int> inner = loop.create_task(wait_for_future(never));
        Task<int> first = loop.create_task(wait_for_future(inner));
        Task<int> second = loop.create_task(wait_for_future(inner));
        co_await rounds(2);
        first.cancel("one of two");
        CHECK(co_await outcome(second) == "cancelled: one of two");
        CHECK(second.cancelled());
        CHECK(second.cancelling() == 0);
        CHECK(first.cancelling() == 1);
        CHECK(inner.cancelled());
    });
}

TEST_CASE("rule 9: a task may cancel the one that awaits it, and is thereby cancelled itself") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<> outer;
        const auto inner_body = [&]() -> Coro<> {
            co_await rounds(2);
            outer.cancel("upwards");
            CHECK(current_task().cancelling() == 1);
            co_await sleep(1h);
        };
        Task<> inner = loop.create_task(inner_body());
        const auto outer_body = [&]() -> Coro<> { co_await inner; };
        outer = loop.create_task(outer_body());
        CHECK(co_await outcome(outer) == "cancelled: upwards");
        CHECK(inner.cancelled());
    });
}

TEST_CASE(
    "rule 10: two requests before delivery are one CancelledError with the first message, and count as two") {
    std::string log;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        Future<int> never = loop.create_future<int>();
        SUBCASE("while it waits for a future") {
            Task<> task = loop.create_task(two_waits(never, log));
            co_await rounds(1);
            task.cancel("first");
            CHECK(task.cancel("second"));
            CHECK(task.cancelling() == 2);
            co_await task;
        }
        SUBCASE("while it waits for a timer") {
            const auto body = [&]() -> Coro<> {
                log += co_await outcome(sleep(1h));
                log += ", then " + co_await outcome(sleep(0s));
            };
            Task<> task = loop.create_task(body());
            co_await rounds(1);
            task.cancel("first");
            task.cancel("second");
            co_await task;
        }
        SUBCASE("while it waits for a task") {
            Task<int> inner = loop.create_task(wait_for_future(never));
            Task<> task = loop.create_task(two_waits(inner, log));
            co_await rounds(2);
            task.cancel("first");
            task.cancel("second");
            CHECK(task.cancelling() == 2);
            co_await task;
        }
        SUBCASE("while it runs, that is, cancels itself") {
            const auto body = [&]() -> Coro<> {
                AnyTask me = current_task();
                me.cancel("first");
                me.cancel("second");
                log += co_await outcome(sleep(1h));
                log += ", then " + co_await outcome(sleep(0s));
            };
            co_await loop.create_task(body());
        }
    });
    CHECK(log == "cancelled: first, then value");
}

TEST_CASE("rule 11: a task that cancels itself gets it at its next real suspension") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Future<int> future = loop.create_future<int>();
        Future<int> done = loop.create_future<int>();
        done.set_result(1);
        const auto body = [&]() -> Coro<std::string> {
            current_task().cancel("own");
            // Neither of these suspends.
            const int a = co_await done;
            const int b = co_await give(2);
            CHECK(a + b == 3);
            CHECK_FALSE(future.cancelled());
            co_return co_await outcome(future);
        };
        const std::string end = co_await loop.create_task(body());
        CHECK(end == "cancelled: own");
        CHECK(future.cancelled());
    });
}

TEST_CASE(
    "rule 11: a cancelled task that returns without suspending is cancelled, and its result is dropped") {
    int alive = 0;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        const auto body = [&]() -> Coro<Tracer> {
            current_task().cancel("own");
            co_return Tracer(alive);
        };
        Task<Tracer> task = loop.create_task(body());
        CHECK(co_await outcome(task) == "cancelled: own");
        CHECK(task.cancelled());
        CHECK(alive == 0);
    });
}

TEST_CASE("rule 12: a coroutine that throws CancelledError by itself makes its task cancelled") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto body = []() -> Coro<> {
            throw CancelledError("by myself");
            co_return;
        };
        Task<> task = loop.create_task(body());
        CHECK(co_await outcome(task) == "cancelled: by myself");
        CHECK(task.cancelled());
        CHECK(task.cancelling() == 0);
    });
}

TEST_CASE("rule 13: a caught CancelledError is over; the count stays, and a new request is delivered again") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int suspensions = 0;
        const auto body = [&]() -> Coro<std::string> {
            CHECK(co_await outcome(sleep(1h)) == "cancelled: one");
            for (; suspensions < 3; ++suspensions) co_await sleep(0s);
            CHECK(current_task().cancelling() == 1);
            co_return co_await outcome(sleep(1h));
        };
        Task<std::string> task = loop.create_task(body());
        co_await rounds(1);
        task.cancel("one");
        while (suspensions < 3) co_await sleep(0s);
        co_await rounds(2);
        task.cancel("two");
        CHECK(co_await task == "cancelled: two");
        CHECK(task.cancelling() == 2);
    });
}

TEST_CASE("rule 14: uncancel counts down to zero, and at zero drops what has not been delivered") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto body = []() -> Coro<std::string> {
            AnyTask me = current_task();
            CHECK(me.uncancel() == 0);
            me.cancel();
            me.cancel();
            CHECK(me.cancelling() == 2);
            CHECK(me.uncancel() == 1);
            CHECK(me.uncancel() == 0);
            CHECK(me.uncancel() == 0);
            std::string log = co_await outcome(sleep(0s));
            me.cancel("kept");
            me.cancel();
            CHECK(me.uncancel() == 1);
            log += ", " + co_await outcome(sleep(0s));
            co_return log;
        };
        CHECK(co_await loop.create_task(body()) == "value, cancelled: kept");
    });
}

TEST_CASE("rule 14: a cancellation that is taken back while the task gives way does nothing") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<> task = loop.create_task(rounds(3));
        co_await rounds(1);
        task.cancel();
        CHECK(task.uncancel() == 0);
        CHECK(co_await outcome(task) == "value");

        Task<> twice = loop.create_task(rounds(3));
        co_await rounds(1);
        twice.cancel("first");
        twice.cancel("second");
        CHECK(twice.uncancel() == 1);
        CHECK(co_await outcome(twice) == "cancelled: first");

        // One that waits for a future has been told already: the future is cancelled.
        Future<> future = loop.create_future();
        Task<std::string> waits = loop.create_task(outcome(future));
        co_await rounds(1);
        waits.cancel("told");
        CHECK(waits.uncancel() == 0);
        CHECK(co_await waits == "cancelled: told");
    });
}

TEST_CASE("rule 14: a task whose cancellation is taken back before its first step runs") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> task = loop.create_task(give(3));
        task.cancel();
        CHECK(task.uncancel() == 0);
        const int n = co_await task;
        CHECK(n == 3);
    });
}

TEST_CASE("rule 15: an error thrown while being cancelled wins") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto body = []() -> Coro<> {
            static_cast<void>(co_await outcome(sleep(1h)));
            throw std::runtime_error("clean-up failed");
        };
        Task<> task = loop.create_task(body());
        co_await rounds(1);
        task.cancel();
        CHECK(co_await outcome(task) == "clean-up failed");
        CHECK_FALSE(task.cancelled());
    });
}

TEST_CASE(
    "rule 15: a BaseError ends the run call at once, stays in its task, and the loop can be used again") {
    TestLoop test;
    std::string order;
    const auto exiting = [&]() -> Coro<> {
        co_await sleep(0s);
        test.loop.call_soon([&] { order += "b"; });
        throw SystemExit(3);
    };
    const auto main = [&]() -> Coro<> { co_await sleep(1h); };
    Task<> task = test.loop.create_task(exiting());
    Task<> waiting = test.loop.create_task(main());
    int code = 0;
    try {
        test.loop.run_until_complete(waiting);
    } catch (const SystemExit& e) {
        code = e.code();
    }
    CHECK(code == 3);
    CHECK(order.empty());
    CHECK(task.done());
    CHECK(text_of(task.exception()) == "system exit 3");
    CHECK_FALSE(waiting.done());
    CHECK_FALSE(test.loop.is_running());
    // What was queued is still there, and the loop still works.
    test.loop.run_until_complete(rounds(1));
    CHECK(order == "b");
    waiting.cancel();
    CHECK(test.loop.run_until_complete(outcome(waiting)) == "cancelled");
    CHECK(test.reports.empty());
}

TEST_CASE("rule 15: a BaseError of the awaited task comes out once") {
    TestLoop test;
    const auto main = []() -> Coro<> {
        throw KeyboardInterrupt();
        co_return;
    };
    CHECK(thrown_by([&] { test.loop.run_until_complete(main()); }) == "keyboard interrupt");
    test.loop.run_until_complete(rounds(3));
    CHECK(test.reports.empty());
}
