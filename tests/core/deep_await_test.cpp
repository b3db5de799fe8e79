#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/task_group.hpp>

#include "support/loop_help.hpp"
#include "support/sanitizer.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

#if !defined(__OPTIMIZE__)
constexpr bool slow_build = true;
#else
constexpr bool slow_build = sanitizer::any;
#endif

constexpr int many_awaits = slow_build ? 1'000'000 : 10'000'000;
constexpr int many_children = 1'000'000;
constexpr int many_cancelled = slow_build ? 20'000 : 100'000;
constexpr int deep = 100'000;

Coro<int> one() { co_return 1; }
Coro<> nothing() { co_return; }

Coro<long> count(int n) {
    long sum = 0;
    for (int i = 0; i < n; ++i) sum += co_await one();
    co_return sum;
}

Coro<long> depth(int n) {
    if (n == 0) co_return 0;
    const long below = co_await depth(n - 1);
    co_return below + 1;
}

Coro<> throw_from(int n, int& alive) {
    const Tracer tracer(alive);
    if (n == 0) throw std::runtime_error("from the bottom");
    co_await throw_from(n - 1, alive);
}

/// Waits at the bottom; counts how often a cancellation passes on its way up.
Coro<> wait_at_bottom(int n, int& alive, int& passed) {
    const Tracer tracer(alive);
    if (n == 0) {
        co_await sleep(1h);
        co_return;
    }
    try {
        co_await wait_at_bottom(n - 1, alive, passed);
    } catch (const CancelledError&) {
        ++passed;
        throw;
    }
}

Coro<int> await_task(Task<int> task) {
    const int n = co_await task;
    co_return n + 1;
}
Coro<int> wait_for_future(Future<int> future) { co_return co_await future; }

/// Tasks each of which awaits the one before; the first awaits a future.
std::vector<Task<int>> chain(EventLoop& loop, const Future<int>& end, int length) {
    std::vector<Task<int>> tasks;
    tasks.push_back(loop.create_task(wait_for_future(end)));
    while (static_cast<int>(tasks.size()) < length)
        tasks.push_back(loop.create_task(await_task(tasks.back())));
    return tasks;
}

} // namespace

TEST_CASE("deep await: millions of awaits of coroutines that do not suspend, in one step") {
    TestLoop test;
    CHECK(test.loop.run_until_complete(count(many_awaits)) == many_awaits);
}

TEST_CASE("deep await: recursion a hundred thousand deep, and an exception through all of it") {
    TestLoop test;
    int alive = 0;
    CHECK(test.loop.run_until_complete(depth(deep)) == deep);
    CHECK(test.loop.run_until_complete(outcome(throw_from(deep, alive))) == "from the bottom");
    CHECK(alive == 0);
}

TEST_CASE("deep await: a cancellation travels from the bottom of a deep chain through every frame") {
    TestLoop test;
    int alive = 0;
    int passed = 0;
    Task<> task = test.loop.create_task(wait_at_bottom(deep, alive, passed));
    test.loop.run_until_complete(rounds(2));
    CHECK(alive == deep + 1);
    task.cancel("deep");
    CHECK(test.loop.run_until_complete(outcome(task)) == "cancelled: deep");
    CHECK(passed == deep);
    CHECK(alive == 0);
}

TEST_CASE("deep await: a suspended deep chain is destroyed with its loop, without a word to its frames") {
    TestLoop test;
    int alive = 0;
    int passed = 0;
    const Task<> task = test.loop.create_task(wait_at_bottom(deep, alive, passed));
    test.loop.run_until_complete(rounds(2));
    CHECK(alive == deep + 1);
    test.loop.close();
    CHECK(alive == 0);
    CHECK(passed == 0);
    CHECK(task.cancelled());
}

TEST_CASE("deep await: a long chain of tasks ends from its far end, in as many rounds") {
    TestLoop test;
    Future<int> end = test.loop.create_future<int>();
    Task<int> last = chain(test.loop, end, deep).back();
    test.loop.run_until_complete(rounds(2));
    test.loop.call_soon([&] { end.set_result(1); });
    CHECK(test.loop.run_until_complete(last) == deep);
}

TEST_CASE("deep await: cancelling the near end of a long chain of tasks cancels all of them") {
    TestLoop test;
    Future<int> end = test.loop.create_future<int>();
    std::vector<Task<int>> tasks = chain(test.loop, end, deep);
    test.loop.run_until_complete(rounds(2));
    CHECK(tasks.back().cancel("all"));
    CHECK(end.cancelled());
    CHECK(test.loop.run_until_complete(outcome(tasks.back())) == "cancelled: all");
    int cancelled = 0;
    int requested = 0;
    for (const Task<int>& task : tasks) {
        cancelled += task.cancelled() ? 1 : 0;
        requested += static_cast<int>(task.cancelling());
    }
    CHECK(cancelled == deep);
    CHECK(requested == deep);
}

TEST_CASE("deep await: a pending chain of tasks is destroyed with its loop") {
    TestLoop test;
    Future<int> end = test.loop.create_future<int>();
    const Task<int> last = chain(test.loop, end, deep).back();
    test.loop.run_until_complete(rounds(2));
    test.loop.close();
    CHECK(last.cancelled());
    CHECK(test.reports.size() == deep);
}

TEST_CASE("deep await: a group of very many tasks, finishing and cancelled") {
    TestLoop test;
    const auto body = [](TaskGroup& group) -> Coro<> {
        for (int i = 0; i < many_children; ++i) group.create_task(nothing());
        co_return;
    };
    test.loop.run_until_complete(with_task_group(body));
    CHECK(test.loop.all_tasks().empty());
    int cancelled = 0;
    const auto waits = [&]() -> Coro<> { cancelled += co_await outcome(sleep(1h)) == "cancelled" ? 1 : 0; };
    const auto many = [&](TaskGroup& group) -> Coro<> {
        for (int i = 0; i < many_cancelled; ++i) group.create_task(waits());
        co_await sleep(1h);
    };
    Task<> task = test.loop.create_task(with_task_group(many));
    test.loop.run_until_complete(rounds(3));
    task.cancel();
    CHECK(test.loop.run_until_complete(outcome(task)) == "cancelled");
    CHECK(cancelled == many_cancelled);
}
