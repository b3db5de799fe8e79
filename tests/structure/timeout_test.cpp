#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> forever() { co_await sleep(1h); }
Coro<int> give(int n) { co_return n; }

/// Ends the present scope as its time running out would: at once.
void run_out(Timeout& timeout) { timeout.reschedule(timeout.get_loop().time()); }

} // namespace

TEST_CASE("rule 36: the deadline counts from entering the scope, not from making it") {
    run_in_loop([](EventLoop& loop, testing::VirtualClock& clock) -> Coro<> {
        Timeout timeout(std::chrono::nanoseconds(50ms));
        CHECK_FALSE(timeout.when().has_value());
        clock.advance(1ms);
        timeout.enter();
        CHECK(timeout.when() == loop.time() + 50ms);
        CHECK_FALSE(timeout.expired());
        timeout.exit(nullptr);
        CHECK_FALSE(timeout.expired());
        co_return;
    });
}

TEST_CASE("rule 36: a scope can be left only while it is open") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto left = [](Timeout& timeout) { return thrown_by([&] { timeout.exit(nullptr); }); };
        const std::string not_open = "this Timeout is not open: it was never entered, or left before";
        Timeout timeout(std::chrono::nanoseconds(1h));
        CHECK(left(timeout) == not_open);
        timeout.enter();
        CHECK(left(timeout) == "none");
        CHECK(left(timeout) == not_open);
        co_return;
    });
}

TEST_CASE("rule 36: the longest delay that there is never ends, the shortest at once") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Timeout longest(Duration::max());
        longest.enter();
        CHECK(*longest.when() > loop.time() + 24h * 365);
        co_await rounds(2);
        longest.exit(nullptr);
        CHECK_FALSE(longest.expired());
        const auto body = [](Timeout&) -> Coro<> { co_await rounds(3); };
        CHECK(co_await outcome(with_timeout(Duration::min(), body)) == "timeout");
    });
}

TEST_CASE("rule 37: a scope is entered once, by a task") {
    TestLoop test;
    Timeout outside(std::chrono::nanoseconds(1s));
    CHECK_THROWS_AS(outside.enter(), RuntimeError);
    CHECK_THROWS_AS(static_cast<void>(outside.get_loop()), RuntimeError);
    const auto main = []() -> Coro<> {
        Timeout timeout(std::nullopt);
        timeout.enter();
        CHECK_FALSE(timeout.when().has_value());
        CHECK_THROWS_AS(timeout.enter(), RuntimeError);
        timeout.exit(nullptr);
        CHECK_THROWS_AS(timeout.enter(), RuntimeError);
        co_return;
    };
    test.loop.run_until_complete(main());
}

TEST_CASE("rule 37: a scope without a limit, and one that ends in time, do nothing") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto body = [](Timeout& timeout) -> Coro<int> {
            co_await sleep(1ms);
            CHECK_FALSE(timeout.expired());
            co_return 4;
        };
        const int a = co_await with_timeout(std::nullopt, body);
        const int b = co_await with_timeout(1h, body);
        const int c = co_await with_timeout_at(std::nullopt, body);
        CHECK(a + b + c == 12);
    });
}

TEST_CASE("rule 38: a time that has run out has no effect on a body that does not suspend") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const std::chrono::milliseconds limit : {0ms, -5ms}) {
            std::optional<bool> expired;
            const auto runs_through = [&](Timeout& timeout) -> Coro<int> {
                expired = timeout.expired();
                co_return co_await give(1);
            };
            const int n = co_await with_timeout(limit, runs_through);
            CHECK(n == 1);
            CHECK(expired == false);
            const auto suspends = [](Timeout&) -> Coro<> { co_await sleep(0s); };
            CHECK(co_await outcome(with_timeout(limit, suspends)) == "timeout");
        }
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 39: when the time runs out, the body is cancelled, and TimeoutError with the cancellation as "
          "cause comes out") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::string inside;
        std::string cause;
        const auto body = [&](Timeout& timeout) -> Coro<> {
            std::exception_ptr error;
            try {
                co_await sleep(1h);
            } catch (...) {
                error = std::current_exception();
            }
            inside = text_of(error);
            CHECK(timeout.expired());
            // Cleaning up may take its time.
            co_await rounds(3);
            std::rethrow_exception(error);
        };
        std::exception_ptr end;
        try {
            co_await with_timeout(1ms, body);
        } catch (...) {
            end = std::current_exception();
        }
        CHECK(inside == "cancelled");
        CHECK(text_of(end) == "timeout");
        try {
            std::rethrow_exception(end);
        } catch (const std::exception& e) {
            cause = thrown_by([&] { std::rethrow_if_nested(e); });
        }
        CHECK(cause == "cancelled");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 39: if somebody else cancels as well, the cancellation passes") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Timeout* scope = nullptr;
        const auto body = [&](Timeout& timeout) -> Coro<> {
            scope = &timeout;
            const std::string first = co_await outcome(sleep(1h));
            CHECK(first == "cancelled");
            co_await sleep(1h);
        };
        SUBCASE("after the time has run out") {
            Task<> task = loop.create_task(with_timeout(1ms, body));
            co_await sleep(1ms);
            co_await rounds(2);
            REQUIRE(scope != nullptr);
            CHECK(scope->expired());
            task.cancel("outside");
            CHECK(co_await outcome(task) == "cancelled: outside");
            CHECK(task.cancelling() == 1);
        }
        SUBCASE("before it, in the same round") {
            const auto simple = [&](Timeout& timeout) -> Coro<> {
                scope = &timeout;
                co_await sleep(1h);
            };
            Task<> task = loop.create_task(with_timeout(1h, simple));
            co_await rounds(2);
            run_out(*scope);
            task.cancel("outside");
            CHECK(co_await outcome(task) == "cancelled: outside");
            CHECK(task.cancelling() == 1);
        }
    });
}

TEST_CASE("rule 40: a body that swallows the cancellation ends normally; expired() tells, and the count is "
          "restored") {
    run_in_loop([](EventLoop&) -> Coro<> {
        bool expired = false;
        const auto swallows = [&](Timeout& timeout) -> Coro<int> {
            CHECK(co_await outcome(sleep(1h)) == "cancelled");
            CHECK(current_task().cancelling() == 1);
            expired = timeout.expired();
            co_return 6;
        };
        const int n = co_await with_timeout(1ms, swallows);
        CHECK(n == 6);
        CHECK(expired);
        CHECK(current_task().cancelling() == 0);
        const auto fails = [](Timeout&) -> Coro<> {
            static_cast<void>(co_await outcome(sleep(1h)));
            throw std::runtime_error("clean-up failed");
        };
        CHECK(co_await outcome(with_timeout(1ms, fails)) == "clean-up failed");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 40: a value that arrives together with the deadline is kept, and nothing of the timeout "
          "stays behind") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Future<int> future = loop.create_future<int>();
        const auto body = [&](Timeout& timeout) -> Coro<int> {
            run_out(timeout);
            // Delivered before the time runs out, which is before the task's turn.
            future.set_result(8);
            co_return co_await Future<int>(future);
        };
        const int direct = co_await with_timeout(1h, body);
        CHECK(direct == 8);

        Future<int> second = loop.create_future<int>();
        const auto waits = [&](Timeout& timeout) -> Coro<int> {
            loop.call_soon([&] { second.set_result(9); });
            // In the same round, after that, and before the task's turn.
            run_out(timeout);
            co_return co_await second;
        };
        const int waited = co_await with_timeout(1h, waits);
        CHECK(waited == 9);
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(rounds(3)) == "value");
    });
}

TEST_CASE("rule 40: the same in a task that has swallowed a cancellation before: nothing hits the code after "
          "the scope") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::string log;
        const auto body = [&]() -> Coro<> {
            log = co_await outcome(sleep(1h));
            Future<int> future = loop.create_future<int>();
            const auto waits = [&](Timeout& timeout) -> Coro<int> {
                loop.call_soon([&] { future.set_result(1); });
                run_out(timeout);
                co_return co_await future;
            };
            log += ", " + std::to_string(co_await with_timeout(1h, waits));
            log += ", " + co_await outcome(sleep(0s));
            // But what somebody else asks for meanwhile is not taken for the scope's own.
            Future<int> second = loop.create_future<int>();
            const auto disturbed = [&](Timeout& timeout) -> Coro<int> {
                AnyTask me = current_task();
                loop.call_soon([&second, me]() mutable {
                    second.set_result(2);
                    me.cancel("second");
                });
                run_out(timeout);
                co_return co_await second;
            };
            log += ", " + std::to_string(co_await with_timeout(1h, disturbed));
            log += ", " + co_await outcome(sleep(0s));
        };
        Task<> task = loop.create_task(body());
        co_await rounds(1);
        task.cancel("first");
        co_await task;
        CHECK(log == "cancelled: first, 1, value, 2, cancelled: second");
        CHECK(task.cancelling() == 2);
    });
}

TEST_CASE("rule 41: the deadline can be moved and removed only while the scope is open and has time left") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto refused = [](Timeout& timeout) {
            return thrown_by([&] { timeout.reschedule(std::nullopt); }).substr(0, 17) == "cannot reschedule";
        };
        Timeout outside(std::chrono::nanoseconds(1h));
        CHECK(refused(outside));
        outside.enter();
        const TimePoint when = loop.time() + 2h;
        outside.reschedule(when);
        CHECK(outside.when() == when);
        outside.reschedule(std::nullopt);
        CHECK_FALSE(outside.when().has_value());
        outside.exit(nullptr);
        CHECK(refused(outside));

        const auto extended = [](Timeout& timeout) -> Coro<int> {
            timeout.reschedule(timeout.get_loop().time() + 1h);
            co_await sleep(3ms);
            co_return 1;
        };
        const int n = co_await with_timeout(1ms, extended);
        CHECK(n == 1);
        const auto shortened = [&](Timeout& timeout) -> Coro<> {
            run_out(timeout);
            CHECK(co_await outcome(sleep(1h)) == "cancelled");
            CHECK(refused(timeout));
        };
        co_await with_timeout(1h, shortened);
    });
}

TEST_CASE("rule 42: of nested scopes with one deadline the outer one throws; an earlier inner one lets the "
          "outer go on") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        bool inner_expired = false;
        bool outer_expired = false;
        std::string inner_end;
        const TimePoint when = loop.time() + 1ms;
        const auto inner = [&](Timeout& timeout) -> Coro<> {
            const std::string end = co_await outcome(sleep(1h));
            inner_expired = timeout.expired();
            throw CancelledError();
        };
        const auto outer = [&](Timeout& timeout) -> Coro<> {
            inner_end = co_await outcome(with_timeout_at(when, inner));
            outer_expired = timeout.expired();
            throw CancelledError();
        };
        CHECK(co_await outcome(with_timeout_at(when, outer)) == "timeout");
        CHECK(inner_end == "cancelled");
        CHECK(inner_expired);
        CHECK(outer_expired);
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");

        const auto goes_on = [&](Timeout&) -> Coro<int> {
            CHECK(co_await outcome(with_timeout(1ms, inner)) == "timeout");
            co_return co_await give(3);
        };
        const int n = co_await with_timeout(1h, goes_on);
        CHECK(n == 3);

        // The outer deadline comes first: the inner scope only sees a cancellation pass.
        const auto passes = [&](Timeout& timeout) -> Coro<> {
            run_out(timeout);
            const auto body = [](Timeout&) -> Coro<> { co_await sleep(1h); };
            co_await with_timeout(2h, body);
        };
        CHECK(co_await outcome(with_timeout(1h, passes)) == "timeout");
        CHECK(current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 43: a group whose child fails while the time runs out gives the group's error, and no stray "
          "cancellation") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto fails_in_cleanup = []() -> Coro<> {
            static_cast<void>(co_await outcome(sleep(1h)));
            throw std::runtime_error("child");
        };
        const auto group_body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(fails_in_cleanup());
            co_await sleep(1h);
        };
        const auto body = [&](Timeout&) -> Coro<> { co_await with_task_group(group_body); };
        CHECK(co_await outcome(with_timeout(1ms, body)) == "group[child]");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(rounds(2)) == "value");

        // Without a failure it is a plain timeout.
        const auto waiting_group = [](TaskGroup& group) -> Coro<> {
            group.create_task(forever());
            co_return;
        };
        const auto waits = [&](Timeout&) -> Coro<> { co_await with_task_group(waiting_group); };
        CHECK(co_await outcome(with_timeout(1ms, waits)) == "timeout");
        CHECK(current_task().cancelling() == 0);

        // A timeout in a group is an error like others.
        const auto child = []() -> Coro<> { co_await wait_for(sleep(1h), 1ms); };
        const auto group_of_one = [&](TaskGroup& group) -> Coro<> {
            group.create_task(child());
            co_await sleep(1h);
        };
        CHECK(co_await outcome(with_task_group(group_of_one)) == "group[timeout]");
    });
}
