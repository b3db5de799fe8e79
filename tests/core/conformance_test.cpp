#include <chrono>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/async_generator.hpp>
#include <aio/core/async_iteration.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/structure/ensure_future.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/shield.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> pass(Future<int> future) { co_return co_await future; }

Coro<int> sum_of_outcomes(Future<int> future) {
    const auto [a, b] = co_await gather(return_exceptions, pass(future), pass(future));
    co_return a.value() + b.value();
}
Coro<int> sum_of_vector(Future<int> future) {
    std::vector<Coro<int>> coros;
    coros.push_back(pass(future));
    coros.push_back(pass(future));
    const std::vector<int> all = co_await gather(std::move(coros));
    co_return all.at(0) + all.at(1);
}

AsyncGenerator<int> yield_zero_and(Future<int> future) {
    co_yield 0;
    const int n = co_await future;
    co_yield n;
}
Coro<int> second_item(Future<int> future) {
    auto generator = yield_zero_and(future);
    co_await generator.next();
    auto item = co_await generator.next();
    co_return item.value();
}
AsyncGenerator<int> wait_when_closed(Future<int> future) {
    bool closed = false;
    try {
        co_yield 0;
    } catch (const GeneratorExit&) {
        closed = true;
    }
    if (closed) co_await future;
}
Coro<> close_slowly(Future<int> future) {
    auto generator = wait_when_closed(future);
    co_await generator.next();
    co_await generator.aclose();
}
Coro<int> sum_of_items(Future<int> future) {
    int sum = 0;
    const auto add = [&sum](int n) { sum += n; };
    co_await for_each(yield_zero_and(future), add);
    co_return sum;
}

} // namespace

TEST_CASE("conformance: sleep") {
    check_conformance("sleep", [](Gate& gate) { return sleep(gate.nap()); });
    check_conformance("sleep with a value", 5, [](Gate& gate) { return sleep(gate.nap(), 5); });
    check_conformance("sleep(0)", [](Gate&) { return sleep(0s); }, true);
}

TEST_CASE("conformance: futures, tasks, coroutines") {
    check_conformance("Future", 7, [](Gate& gate) { return gate.future(); });
    check_conformance("Task", 7, [](Gate& gate) { return create_task(pass(gate.future())); });
    const auto eager = [](Gate& gate) {
        return get_running_loop().create_task(pass(gate.future()), TaskOptions().eager_start());
    };
    check_conformance("eager Task", 7, eager);
    check_conformance("Task of a Task", 7,
                      [](Gate& gate) { return create_task(pass(create_task(pass(gate.future())))); });
    check_conformance("Coro", 7, [](Gate& gate) { return pass(gate.future()); });
    check_conformance("until_done", [](Gate& gate) { return detail::until_done(gate.future().state()); });
}

TEST_CASE("conformance: generators") {
    check_conformance("next", 7, [](Gate& gate) { return second_item(gate.future()); });
    check_conformance("aclose", [](Gate& gate) { return close_slowly(gate.future()); });
    check_conformance("for_each", 7, [](Gate& gate) { return sum_of_items(gate.future()); });
    check_conformance("collect", std::vector<int>({0, 7}),
                      [](Gate& gate) { return collect(yield_zero_and(gate.future())); });
}

TEST_CASE("conformance: gather") {
    const std::tuple<int, int> both(7, 7);
    check_conformance("gather of coroutines", both,
                      [](Gate& gate) { return gather(pass(gate.future()), pass(gate.future())); });
    check_conformance("gather of futures", both,
                      [](Gate& gate) { return gather(gate.future(), gate.future()); });
    check_conformance("gather of outcomes", 14, [](Gate& gate) { return sum_of_outcomes(gate.future()); });
    check_conformance("gather of a vector", 14, [](Gate& gate) { return sum_of_vector(gate.future()); });
    check_conformance("gather of a gather", std::tuple<std::tuple<int, int>>(both),
                      [](Gate& gate) { return gather(gather(gate.future(), pass(gate.future()))); });
}

TEST_CASE("conformance: shield") {
    check_conformance("shield of a coroutine", 7, [](Gate& gate) { return shield(pass(gate.future())); });
    check_conformance("shield of a future", 7, [](Gate& gate) { return shield(gate.future()); });
}

TEST_CASE("conformance: timeouts") {
    check_conformance("wait_for", 7, [](Gate& gate) { return wait_for(pass(gate.future()), 1h); });
    check_conformance("wait_for without a limit", 7,
                      [](Gate& gate) { return wait_for(gate.future(), std::nullopt); });
    check_conformance("wait_for of a shield", 7,
                      [](Gate& gate) { return wait_for(shield(gate.future()), 1h); });
    const auto with_limit = [](Gate& gate) {
        return with_timeout(1h, [&gate](Timeout&) -> Coro<int> { return pass(gate.future()); });
    };
    check_conformance("with_timeout", 7, with_limit);
}

TEST_CASE("conformance: task groups") {
    const auto in_child = [](Gate& gate) {
        return with_task_group([&gate](TaskGroup& group) -> Coro<int> {
            group.create_task(pass(gate.future()));
            group.create_task(pass(gate.future()));
            co_return 3;
        });
    };
    check_conformance("a group that waits for its tasks", 3, in_child);
    const auto in_body = [](Gate& gate) {
        return with_task_group([&gate](TaskGroup&) -> Coro<int> { return pass(gate.future()); });
    };
    check_conformance("a group whose body waits", 7, in_body);
}

TEST_CASE("conformance: calls in other threads") {
    check_conformance("to_thread", 7, [](Gate& gate) { return to_thread(gate.blocker()); });
    check_conformance("run_in_executor, a pool", 7, [](Gate& gate) {
        return get_running_loop().run_in_executor(gate.pool(), gate.blocker());
    });
    check_conformance("run_in_executor, the default one", 7,
                      [](Gate& gate) { return get_running_loop().run_in_executor(nullptr, gate.blocker()); });
}
