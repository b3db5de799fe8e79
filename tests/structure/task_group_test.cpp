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

Coro<> forever() { co_await sleep(1h); }
/// Fails after some rounds.
Coro<> fail(std::string what, int after = 0) {
    co_await rounds(after);
    throw std::runtime_error(what);
}
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

TEST_CASE("rule 22: a group belongs to a task, and is entered once") {
    TestLoop test;
    std::string from_callback;
    std::string without_loop;
    test.loop.call_soon([&] {
        TaskGroup group;
        from_callback = thrown_by([&] { group.enter(); });
    });
    const auto main = [&]() -> Coro<> {
        TaskGroup group;
        group.enter();
        CHECK_THROWS_AS(group.enter(), RuntimeError);
        co_await group.exit(nullptr);
        CHECK_THROWS_AS(group.enter(), RuntimeError);
        const std::string not_open = "this TaskGroup is not open: it was never entered, or left before";
        CHECK(co_await outcome(group.exit(nullptr)) == not_open);
        TaskGroup never;
        CHECK(co_await outcome(never.exit(nullptr)) == not_open);
    };
    test.loop.run_until_complete(main());
    CHECK(from_callback.find("task") != std::string::npos);
    TaskGroup group;
    CHECK_THROWS_AS(group.enter(), RuntimeError);
}

TEST_CASE(
    "rule 23: tasks can be started in a group only while it is open; a refused coroutine is destroyed") {
    int alive = 0;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        const auto body = [](Tracer) -> Coro<> { co_return; };
        TaskGroup group;
        const auto refused = [&] { return thrown_by([&] { group.create_task(body(Tracer(alive))); }); };
        CHECK(refused() == "this TaskGroup has not been entered");
        group.enter();
        group.create_task(fail("first"));
        const Task<> slow = group.create_task(
            [](EventLoop&) -> Coro<> {
                static_cast<void>(co_await outcome(sleep(1h)));
                co_await rounds(3);
            },
            std::ref(loop));
        CHECK(co_await outcome(sleep(1h)) == "cancelled");
        CHECK(refused() == "this TaskGroup is shutting down");
        CHECK(co_await outcome(group.exit(nullptr)) == "group[first]");
        CHECK(slow.done());
        CHECK(refused() == "this TaskGroup is finished");
        CHECK(alive == 0);
    });
}

TEST_CASE("rule 23: while a group waits for its tasks, these may start further ones, and it waits for all") {
    int finished = 0;
    run_in_loop([&](EventLoop&) -> Coro<> {
        const auto spawn = [&](auto& self, TaskGroup& group, int depth) -> Coro<> {
            co_await rounds(depth % 3);
            if (depth > 0) {
                group.create_task(self(self, group, depth - 1));
                group.create_task(self(self, group, depth - 1));
            }
            ++finished;
        };
        const auto body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(spawn(spawn, group, 6));
            co_return;
        };
        co_await with_task_group(body);
        CHECK(finished == 127);
    });
}

TEST_CASE("rule 24: the first failing child cancels its siblings and the body; all errors come together") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Task<> sibling;
        std::string body_end;
        const auto body = [&](TaskGroup& group) -> Coro<> {
            sibling = group.create_task(forever());
            group.create_task(fail("one", 1));
            group.create_task(fail_in_cleanup("two"));
            body_end = co_await outcome(sleep(1h));
            throw CancelledError();
        };
        CHECK(co_await group_outcome(body) == "group[one, two]");
        CHECK(body_end == "cancelled");
        CHECK(sibling.cancelled());
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 24: a cancelled child, and one that throws CancelledError itself, disturb nobody") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto throws_it = []() -> Coro<> {
            throw CancelledError();
            co_return;
        };
        const auto body = [&](TaskGroup& group) -> Coro<int> {
            Task<> child = group.create_task(forever());
            group.create_task(throws_it());
            co_await rounds(1);
            child.cancel();
            co_await rounds(3);
            CHECK(child.cancelled());
            co_return 5;
        };
        const int n = co_await with_task_group(body);
        CHECK(n == 5);
    });
}

TEST_CASE("rule 25: an error of the body cancels the children and waits for them") {
    run_in_loop([](EventLoop&) -> Coro<> {
        int steps = 0;
        const auto slow = [&]() -> Coro<> {
            static_cast<void>(co_await outcome(sleep(1h)));
            for (; steps < 5; ++steps) co_await sleep(0s);
        };
        const auto body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(slow());
            co_await rounds(1);
            throw std::runtime_error("body");
        };
        CHECK(co_await group_outcome(body) == "group[body]");
        CHECK(steps == 5);
        CHECK(current_task().cancelling() == 0);
    });
}

TEST_CASE(
    "rule 26: cancelling a group's task once cancels the children once; a second request is not passed on") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int requests = 0;
        bool release = false;
        const auto child = [&]() -> Coro<> {
            requests += co_await outcome(sleep(1h)) == "cancelled" ? 1 : 0;
            while (!release) requests += co_await outcome(sleep(0s)) == "value" ? 0 : 1;
        };
        const auto body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(child());
            co_return;
        };
        Task<> task = loop.create_task(with_task_group(body));
        co_await rounds(3);
        task.cancel("one");
        co_await rounds(3);
        task.cancel("two");
        co_await rounds(3);
        CHECK(requests == 1);
        CHECK(task.cancelling() == 2);
        CHECK_FALSE(task.done());
        release = true;
        CHECK(co_await outcome(task) == "cancelled: one");
    });
}

TEST_CASE(
    "rule 26: a cancellation of a group that already fails is swallowed there, and raised after its error") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        bool release = false;
        const auto slow = [&]() -> Coro<> {
            static_cast<void>(co_await outcome(sleep(1h)));
            while (!release) co_await sleep(0s);
        };
        const auto body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(slow());
            co_await rounds(1);
            throw std::runtime_error("body");
        };
        const auto main = [&]() -> Coro<std::string> {
            std::string log = co_await group_outcome(body);
            log += ", then " + co_await outcome(sleep(0s));
            log += ", then " + co_await outcome(sleep(0s));
            co_return log;
        };
        Task<std::string> task = loop.create_task(main());
        co_await rounds(4);
        task.cancel("outside");
        co_await rounds(2);
        release = true;
        CHECK(co_await task == "group[body], then cancelled, then value");
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("rule 27: a BaseError of a child or of the body is thrown alone; other errors are reported") {
    SUBCASE("of the body") {
        TestLoop test;
        const auto body = [](TaskGroup& group) -> Coro<> {
            group.create_task(fail_in_cleanup("other"));
            co_await rounds(1);
            throw SystemExit(3);
        };
        CHECK(thrown_by([&] { test.loop.run_until_complete(with_task_group(body)); }) == "system exit 3");
        REQUIRE(test.reports.size() == 1);
        CHECK(test.reports[0].find("other") != std::string::npos);
    }
    SUBCASE("of a child: it leaves the run call at once, and the group throws it when the loop runs on") {
        TestLoop test;
        const auto exits = []() -> Coro<> {
            throw SystemExit(4);
            co_return;
        };
        const auto body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(fail_in_cleanup("other"));
            group.create_task(exits());
            co_await sleep(1h);
        };
        Task<> task = test.loop.create_task(with_task_group(body));
        CHECK(thrown_by([&] { test.loop.run_until_complete(task); }) == "system exit 4");
        CHECK_FALSE(task.done());
        CHECK(thrown_by([&] { test.loop.run_until_complete(task); }) == "system exit 4");
        CHECK(task.done());
        REQUIRE(test.reports.size() == 1);
        CHECK(test.reports[0].find("other") != std::string::npos);
    }
}

TEST_CASE("rule 28: the group takes back its own request only; a cancellation from outside goes on") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        SUBCASE("the group ends early and somebody else cancels too") {
            const auto slow = []() -> Coro<> {
                static_cast<void>(co_await outcome(sleep(1h)));
                co_await rounds(4);
            };
            const auto body = [&](TaskGroup& group) -> Coro<> {
                group.create_task(slow());
                co_await rounds(1);
                group.cancel();
            };
            Task<> task = loop.create_task(with_task_group(body));
            co_await rounds(4);
            task.cancel("outside");
            CHECK(co_await outcome(task) == "cancelled: outside");
            CHECK(task.cancelling() == 1);
        }
        SUBCASE("nobody else does") {
            const auto body = [](TaskGroup& group) -> Coro<> {
                group.create_task(fail("x"));
                co_await sleep(1h);
            };
            CHECK(co_await group_outcome(body) == "group[x]");
            CHECK(current_task().cancelling() == 0);
        }
    });
}

TEST_CASE("rule 29: errors come in the order in which the children ended, the body's last") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto body = [](TaskGroup& group) -> Coro<> {
            group.create_task(fail_in_cleanup("a"));
            group.create_task(fail_in_cleanup("b"));
            group.create_task(fail("c"));
            static_cast<void>(co_await outcome(sleep(1h)));
            throw std::runtime_error("body");
        };
        CHECK(co_await group_outcome(body) == "group[c, a, b, body]");
    });
}

TEST_CASE("rule 30: a group that fails while its task is cancelled throws the group, then the cancellation") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto body = [](TaskGroup& group) -> Coro<> {
            group.create_task(fail_in_cleanup("child"));
            co_await sleep(1h);
        };
        const auto main = [&]() -> Coro<std::string> {
            std::string log = co_await group_outcome(body);
            CHECK(current_task().cancelling() == 1);
            log += ", then " + co_await outcome(sleep(0s));
            log += ", then " + co_await outcome(sleep(0s));
            co_return log;
        };
        Task<std::string> task = loop.create_task(main());
        co_await rounds(2);
        task.cancel();
        CHECK(co_await task == "group[child], then cancelled, then value");
    });
}

TEST_CASE("rule 31: a lone error of the body is wrapped too; a CancelledError of the body is not") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto fails = [](TaskGroup&) -> Coro<> {
            throw std::runtime_error("body");
            co_return;
        };
        CHECK(co_await group_outcome(fails) == "group[body]");
        const auto cancels = [](TaskGroup& group) -> Coro<> {
            group.create_task(forever());
            throw CancelledError("own");
            co_return;
        };
        CHECK(co_await group_outcome(cancels) == "cancelled: own");
        const auto both = [](TaskGroup& group) -> Coro<> {
            group.create_task(fail_in_cleanup("child"));
            co_await rounds(1);
            throw CancelledError("own");
        };
        CHECK(co_await group_outcome(both) == "group[child]");
        CHECK(current_task().cancelling() == 0);
    });
}

TEST_CASE("rule 32: a body that swallows the group's cancellation changes nothing") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto body = [](TaskGroup& group) -> Coro<int> {
            group.create_task(fail("child"));
            CHECK(co_await outcome(sleep(1h)) == "cancelled");
            CHECK(current_task().cancelling() == 1);
            co_await rounds(2);
            co_return 1;
        };
        CHECK(co_await group_outcome(body) == "group[child]");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 33: an inner group that fails while the outer one aborts arrives as a group in the group") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto inner = [](TaskGroup& group) -> Coro<> {
            group.create_task(fail_in_cleanup("inner"));
            co_await sleep(1h);
        };
        const auto nested = [&]() -> Coro<> { co_await with_task_group(inner); };
        const auto outer = [&](TaskGroup& group) -> Coro<> {
            group.create_task(nested());
            group.create_task(fail("outer", 3));
            co_return;
        };
        CHECK(co_await group_outcome(outer) == "group[outer, group[inner]]");
        CHECK(current_task().cancelling() == 0);
        const auto in_body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(fail("outer", 3));
            co_await with_task_group(inner);
        };
        CHECK(co_await group_outcome(in_body) == "group[outer, group[inner]]");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 33: nested groups cancelled from outside give one CancelledError, and the count stays") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Task<>> children;
        const auto inner = [&](TaskGroup& group) -> Coro<> {
            children.push_back(group.create_task(forever()));
            co_await sleep(1h);
        };
        const auto outer = [&](TaskGroup& group) -> Coro<> {
            children.push_back(group.create_task(forever()));
            co_await with_task_group(inner);
        };
        Task<> task = loop.create_task(with_task_group(outer));
        co_await rounds(3);
        task.cancel("all");
        CHECK(co_await outcome(task) == "cancelled: all");
        CHECK(task.cancelling() == 1);
        for (const Task<>& child : children) CHECK(child.cancelled());
    });
}
