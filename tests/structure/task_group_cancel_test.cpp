#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/task_group.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> nothing() { co_return; }
Coro<> forever() { co_await sleep(1h); }
/// Waits until it is cancelled, and then fails.
Coro<> fail_in_cleanup(std::string what) {
    static_cast<void>(co_await outcome(sleep(1h)));
    throw std::runtime_error(what);
}
/// Runs `body(group)` in a group in the current task, and says how the group ended.
template <class Body>
Coro<std::string> group_outcome(Body body) {
    co_return co_await outcome(with_task_group(std::move(body)));
}

} // namespace

TEST_CASE("rule 34: cancelling a group ends it without an error") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        SUBCASE("from the body, at once and twice") {
            Task<> child;
            const auto body = [&](TaskGroup& group) -> Coro<> {
                child = group.create_task(forever());
                group.cancel();
                group.cancel();
                CHECK(thrown_by([&] { group.create_task(nothing()); }) == "this TaskGroup is shutting down");
                co_await sleep(1h);
                FAIL("the body goes on");
            };
            CHECK(co_await group_outcome(body) == "value");
            CHECK(child.cancelled());
        }
        SUBCASE("from a child, while the group waits for its tasks") {
            const auto body = [&](TaskGroup& group) -> Coro<> {
                group.create_task(forever());
                group.create_task([&group]() -> Coro<> {
                    co_await rounds(2);
                    group.cancel();
                });
                co_return;
            };
            CHECK(co_await group_outcome(body) == "value");
        }
        SUBCASE("from an eager child, before it belongs to the group") {
            std::string end;
            const auto eager = [&](TaskGroup& group) -> Coro<> {
                group.cancel();
                end = co_await outcome(sleep(1h));
            };
            const auto body = [&](TaskGroup& group) -> Coro<> {
                group.create_task(eager(group), TaskOptions().eager_start());
                co_return;
            };
            CHECK(co_await group_outcome(body) == "value");
            CHECK(end == "cancelled");
        }
        SUBCASE("errors that the children throw meanwhile are thrown") {
            const auto body = [&](TaskGroup& group) -> Coro<> {
                group.create_task(fail_in_cleanup("child"));
                co_await rounds(1);
                group.cancel();
            };
            CHECK(co_await group_outcome(body) == "group[child]");
        }
        SUBCASE("before it is entered, it acts on entering; after it has ended, it does nothing") {
            const auto main = [&]() -> Coro<> {
                TaskGroup group;
                group.cancel();
                group.enter();
                CHECK(thrown_by([&] { group.create_task(nothing()); }) == "this TaskGroup is shutting down");
                std::exception_ptr error;
                try {
                    co_await sleep(1h);
                } catch (...) {
                    error = std::current_exception();
                }
                CHECK(text_of(error) == "cancelled");
                co_await group.exit(error);
                group.cancel();
                CHECK(co_await outcome(sleep(0s)) == "value");
            };
            co_await loop.create_task(main());
        }
        SUBCASE("a body that was to give a value and could not") {
            const auto body = [&](TaskGroup& group) -> Coro<int> {
                group.cancel();
                co_await sleep(1h);
                co_return 1;
            };
            CHECK((co_await group_outcome(body)).find("before its body gave a result") != std::string::npos);
            const auto in_time = [&](TaskGroup& group) -> Coro<int> {
                group.cancel();
                co_return 1;
            };
            const int n = co_await with_task_group(in_time);
            CHECK(n == 1);
        }
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 34: a request of the group that comes too late for its body hits nothing after the group") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::string log;
        const auto main = [&]() -> Coro<> {
            log = co_await outcome(sleep(1h));
            Future<int> future = loop.create_future<int>();
            const auto body = [&](TaskGroup& group) -> Coro<int> {
                loop.call_soon([&] {
                    future.set_result(5);
                    group.cancel();
                });
                co_return co_await future;
            };
            log += ", " + std::to_string(co_await with_task_group(body));
            log += ", " + co_await outcome(sleep(0s));
        };
        Task<> task = loop.create_task(main());
        co_await rounds(1);
        // Swallowed, and never taken back.
        task.cancel("before");
        co_await task;
        CHECK(log == "cancelled: before, 5, value");
    });
}

TEST_CASE("rule 35: a loop that closes destroys an open group without running anybody's code") {
    int alive = 0;
    bool went_on = false;
    TestLoop test;
    const auto child = [&](Tracer) -> Coro<> {
        static_cast<void>(co_await outcome(sleep(1h)));
        went_on = true;
    };
    const auto body = [&, tracer = Tracer(alive)](TaskGroup& group) -> Coro<> {
        group.create_task(child(Tracer(alive)));
        group.create_task(child(Tracer(alive)), TaskOptions().eager_start());
        co_return;
    };
    const Task<> task = test.loop.create_task(with_task_group(body));
    test.loop.run_until_complete(rounds(3));
    test.loop.close();
    CHECK(task.cancelled());
    CHECK_FALSE(went_on);
    CHECK(test.reports.size() == 3);
    // What is left is the closure in this function.
    CHECK(alive == 1);
}
