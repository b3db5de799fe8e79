#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/task_group.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

ContextVar<int> number("number", 0);

TaskOptions eagerly() { return TaskOptions().eager_start(); }

} // namespace

TEST_CASE("rule 20: an eager task runs at once up to its first suspension, inside create_task") {
    std::string log;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        const auto body = [&]() -> Coro<int> {
            log += "a";
            co_await sleep(0s);
            log += "c";
            co_return 1;
        };
        Task<int> task = loop.create_task(body(), eagerly());
        log += "b";
        CHECK_FALSE(task.done());
        const int n = co_await task;
        CHECK(n == 1);
    });
    CHECK(log == "abc");
}

TEST_CASE(
    "rule 20: an eager task that does not suspend is done at once, and its callbacks are still queued") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const RoundCounter counter(loop);
        co_await rounds(1);
        const auto body = []() -> Coro<int> { co_return 5; };
        Task<int> task = loop.create_task(body(), eagerly());
        CHECK(task.done());
        bool called = false;
        task.add_done_callback([&] { called = true; });
        CHECK_FALSE(called);
        const int before = counter.now();
        const int n = co_await task;
        CHECK(n == 5);
        CHECK(counter.now() == before);
        co_await sleep(0s);
        CHECK(called);
    });
}

TEST_CASE("rule 20: in a loop that does not run, an eager task starts as others do") {
    TestLoop test;
    bool ran = false;
    const auto body = [&]() -> Coro<> {
        ran = true;
        co_return;
    };
    const Task<> task = test.loop.create_task(body(), eagerly());
    CHECK_FALSE(ran);
    const auto of_another_loop = [&]() -> Coro<> {
        TestLoop other;
        bool other_ran = false;
        const auto other_body = [&]() -> Coro<> {
            other_ran = true;
            co_return;
        };
        const Task<> started = other.loop.create_task(other_body(), eagerly());
        CHECK_FALSE(other_ran);
        CHECK_FALSE(started.done());
        other.loop.close();
        co_return;
    };
    test.loop.run_until_complete(of_another_loop());
    CHECK(ran);
    CHECK(task.done());
}

TEST_CASE("rule 20: the eager step has its own context, its creator's current task comes back, errors stay "
          "in the task") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        number.set(1);
        const auto body = []() -> Coro<> {
            CHECK(number.get() == 1);
            number.set(2);
            CHECK(number.get() == 2);
            throw std::runtime_error("inside");
            co_return;
        };
        const AnyTask me = current_task();
        Task<> task = loop.create_task(body(), eagerly());
        CHECK(number.get() == 1);
        CHECK(current_task() == me);
        CHECK(co_await outcome(task) == "inside");
    });
}

TEST_CASE("rule 20: a BaseError leaves create_task, and only that") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto body = []() -> Coro<> {
            throw SystemExit(2);
            co_return;
        };
        CHECK(thrown_by([&] { loop.create_task(body(), eagerly()); }) == "system exit 2");
        co_await rounds(2);
    });
}

TEST_CASE("rule 20: eager tasks start eager tasks, and may be cancelled where they first wait") {
    std::string log;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        const auto inner = [&]() -> Coro<> {
            log += "2" + current_task().get_name();
            log += co_await outcome(sleep(1h));
        };
        Task<> inner_task;
        const auto outer = [&]() -> Coro<> {
            log += "1" + current_task().get_name();
            inner_task = loop.create_task(inner(), TaskOptions("i").eager_start());
            log += "3" + current_task().get_name();
            co_await inner_task;
        };
        Task<> task = loop.create_task(outer(), TaskOptions("o").eager_start());
        CHECK(log == "1o2i3o");
        CHECK(task.cancel("now"));
        co_await task;
    });
    CHECK(log == "1o2i3ocancelled: now");
}

TEST_CASE("rule 20: a group notices an eager child that is done, or has failed, when it joins") {
    const std::string end = run_in_loop([](EventLoop&) -> Coro<std::string> {
        const auto fine = []() -> Coro<> { co_return; };
        const auto bad = []() -> Coro<> {
            throw std::runtime_error("bad");
            co_return;
        };
        const auto body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(fine(), eagerly());
            group.create_task(bad(), eagerly());
            co_await sleep(1h);
        };
        co_return co_await outcome(with_task_group(body));
    });
    CHECK(end == "group[bad]");
}

TEST_CASE("rule 21: a task has a copy of its creator's context as it was at creation") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        number.set(1);
        const auto body = []() -> Coro<int> {
            const int seen = number.get();
            number.set(seen + 10);
            co_await sleep(0s);
            CHECK(number.get() == seen + 10);
            co_return seen;
        };
        Task<int> task = loop.create_task(body());
        number.set(2);
        const int seen = co_await task;
        CHECK(seen == 1);
        CHECK(number.get() == 2);
        // Whoever holds the task can read what it left.
        CHECK(task.get_context().run([] { return number.get(); }) == 11);
    });
    CHECK(number.get() == 0);
}

TEST_CASE("rule 21: a given context is the one the task runs in") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Context context;
        context.run([] { number.set(7); });
        const auto body = []() -> Coro<int> { co_return number.get(); };
        const int in_given = co_await loop.create_task(body(), TaskOptions().context(context));
        const int in_own = co_await loop.create_task(body());
        CHECK(in_given == 7);
        CHECK(in_own == 0);
    });
}

TEST_CASE("rule 21: a given context is used as it is: what its tasks and callbacks set is seen by all") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Context context;
        const auto add = [](int n) -> Coro<int> {
            number.set(number.get() + n);
            co_await sleep(0s);
            co_return number.get();
        };
        Task<int> first = loop.create_task(add(1), TaskOptions().context(context));
        Task<int> second = loop.create_task(add(10), TaskOptions().context(context));
        CHECK(co_await first == 11);
        CHECK(co_await second == 11);
        loop.call_soon(context, [] { number.set(number.get() + 100); });
        co_await rounds(1);
        CHECK(context.get(number) == 111);
        CHECK(first.get_context().get(number) == 111);
        CHECK(number.get() == 0);
    });
}

TEST_CASE("rule 21: an awaited coroutine shares the context of its caller") {
    run_in_loop([](EventLoop&) -> Coro<> {
        number.set(1);
        const auto callee = []() -> Coro<> {
            number.set(number.get() + 1);
            co_await sleep(0s);
            number.set(number.get() + 1);
        };
        co_await callee();
        CHECK(number.get() == 3);
    });
}

TEST_CASE("rule 21: callbacks see the context as it was when they were scheduled") {
    TestLoop test;
    EventLoop& loop = test.loop;
    std::vector<int> seen;
    const auto note = [&] { seen.push_back(number.get()); };
    Context context;
    context.run([&] {
        number.set(1);
        loop.call_soon(note);
        number.set(2);
        loop.call_later(1ms, note);
        number.set(3);
        loop.call_soon_threadsafe(note);
        number.set(4);
        Future<> future = loop.create_future();
        future.add_done_callback(note);
        future.set_result();
        number.set(5);
    });
    loop.call_soon(context, note);
    loop.call_later(2ms, [&] { loop.stop(); });
    loop.run_forever();
    REQUIRE(seen.size() == 5);
    CHECK(seen[0] == 1);
    CHECK(seen[1] == 4);
    CHECK(seen[2] == 3);
    CHECK(seen[3] == 5);
    CHECK(seen[4] == 2);
    CHECK(number.get() == 0);
}

TEST_CASE("rule 21: what a callback sets is seen by nobody else") {
    TestLoop test;
    test.loop.call_soon([] { number.set(9); });
    int seen = -1;
    test.loop.call_soon([&] { seen = number.get(); });
    test.loop.run_until_complete(rounds(1));
    CHECK(seen == 0);
    CHECK(number.get() == 0);
}
