#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/core/task_factory.hpp>
#include <aio/executors/run_coroutine_threadsafe.hpp>
#include <aio/structure/task_group.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> give(int n) {
    co_await sleep(0s);
    co_return n;
}
Coro<std::unique_ptr<int>> give_unique(int n) { co_return std::make_unique<int>(n); }
Coro<int&> give_reference(int& n) { co_return n; }
Coro<> fail() {
    throw std::runtime_error("from the body");
    co_return;
}

} // namespace

TEST_CASE("task factory: sees every new task, and may change its options") {
    TestLoop test;
    std::vector<std::string> seen;
    test.loop.set_task_factory([&](NewTask& task) {
        CHECK(&task.get_loop() == &test.loop);
        seen.push_back(task.options().name());
        if (task.options().name().empty()) task.options().name("unnamed");
    });
    CHECK(static_cast<bool>(test.loop.get_task_factory()));
    const auto main = [&]() -> Coro<std::string> {
        create_task(give(1), "one");
        const auto body = [](TaskGroup& group) -> Coro<> {
            group.create_task(give(2), "two");
            co_return;
        };
        co_await with_task_group(body);
        co_return current_task().get_name();
    };
    CHECK(test.loop.run_until_complete(main()) == "unnamed");
    CHECK(seen == std::vector<std::string>{"", "one", "two"});
    test.loop.set_task_factory(nullptr);
    test.loop.run_until_complete(give(3));
    CHECK(seen.size() == 3);
}

TEST_CASE("task factory: wraps the coroutine; the task's result is that of the body, whatever its type") {
    TestLoop test;
    std::string log;
    test.loop.set_task_factory([&](NewTask& task) {
        task.wrap([&](Coro<> body) -> Coro<> {
            log += "(";
            co_await std::move(body);
            log += ")";
        });
        task.wrap([&](Coro<> body) -> Coro<> {
            log += "[";
            co_await std::move(body);
            log += "]";
        });
    });
    CHECK(test.loop.run_until_complete(give(1)) == 1);
    CHECK(log == "[()]");
    CHECK(*test.loop.run_until_complete(give_unique(2)) == 2);
    int n = 3;
    CHECK(&test.loop.run_until_complete(give_reference(n)) == &n);
    CHECK(thrown_by([&] { test.loop.run_until_complete(fail()); }) == "from the body");
}

TEST_CASE("task factory: a wrapper may swallow an exception, but cannot invent a result") {
    TestLoop test;
    test.loop.set_task_factory([](NewTask& task) {
        task.wrap([](Coro<> body) -> Coro<> { static_cast<void>(co_await outcome(std::move(body))); });
    });
    const auto fail_with_result = []() -> Coro<int> {
        throw std::runtime_error("x");
        co_return 1;
    };
    CHECK_NOTHROW(test.loop.run_until_complete(fail()));
    CHECK_THROWS_AS(static_cast<void>(test.loop.run_until_complete(fail_with_result())), RuntimeError);
    NewTask task(test.loop, TaskOptions());
    CHECK_THROWS_AS(task.wrap(nullptr), ValueError);
}

TEST_CASE("task factory: a cancellation passes through the wrapper, and nothing starts if it comes first") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int wrapped = 0;
        loop.set_task_factory([&](NewTask& task) {
            task.wrap([&](Coro<> body) -> Coro<> {
                ++wrapped;
                co_await std::move(body);
            });
        });
        Task<> task = loop.create_task([]() -> Coro<> { co_await sleep(1h); });
        co_await rounds(2);
        task.cancel("stop");
        CHECK(co_await outcome(task) == "cancelled: stop");
        CHECK(wrapped == 1);
        Task<> unstarted = loop.create_task([]() -> Coro<> { co_await sleep(1h); });
        unstarted.cancel();
        CHECK(co_await outcome(unstarted) == "cancelled");
        CHECK(wrapped == 1);
    });
}

TEST_CASE("task factory: one that throws keeps the task from being made, and the coroutine is destroyed") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int alive = 0;
        const auto body = [](Tracer) -> Coro<> { co_return; };
        loop.set_task_factory([](NewTask&) { throw std::runtime_error("no more tasks"); });
        CHECK(thrown_by([&] { loop.create_task(body(Tracer(alive))); }) == "no more tasks");
        CHECK(alive == 0);
        CHECK(loop.all_tasks().size() == 1);
        co_return;
    });
}

TEST_CASE("rule 56: what the task factory throws lands in the future of run_coroutine_threadsafe") {
    TestLoop test;
    std::string end;
    std::thread other;
    const auto main = [&]() -> Coro<> {
        test.loop.set_task_factory([](NewTask&) { throw std::runtime_error("refused"); });
        Future<> finished = test.loop.create_future<>();
        other = std::thread([&] {
            auto future = run_coroutine_threadsafe(give(1), test.loop);
            end = thrown_by([&] { static_cast<void>(future.result()); });
            test.loop.call_soon_threadsafe([&] { finished.set_result(); });
        });
        co_await finished;
    };
    test.loop.run_until_complete(main());
    other.join();
    CHECK(end == "refused");
}

TEST_CASE("rule 20: eager_task_factory starts all tasks of a running loop at once, unless told otherwise") {
    TestLoop test;
    test.loop.set_task_factory(eager_task_factory);
    std::string log;
    const auto note = [&](std::string text) -> Coro<> {
        log += text;
        co_return;
    };
    // The loop does not run yet: this waits for its turn.
    Task<> early = test.loop.create_task(note("1"));
    CHECK(log.empty());
    const auto main = [&]() -> Coro<> {
        Task<> eager = create_task(note("2"));
        CHECK(eager.done());
        Task<> lazy = create_task(note("3"), TaskOptions().eager_start(false));
        CHECK_FALSE(lazy.done());
        log += "-";
        co_await lazy;
    };
    test.loop.run_until_complete(main());
    CHECK(log == "12-3");
}
