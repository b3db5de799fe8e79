#include <chrono>
#include <functional>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/structure/as_completed.hpp>
#include <aio/structure/staggered_race.hpp>
#include <aio/structure/wait.hpp>

#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> pass(Future<int> future) { co_return co_await future; }

Coro<int> done_of_wait(Future<int> future, WaitOptions options) {
    const auto result = co_await wait(future, options);
    co_return result.done.at(0).result();
}
Coro<int> first_of_two(Future<int> future) {
    const Future<int> never = get_running_loop().create_future<int>();
    const auto result = co_await wait(never, future, ReturnWhen::first_completed);
    co_return result.done.at(0).result();
}
Coro<bool> nothing_done(Future<int> future, Duration nap) {
    const auto result = co_await wait(future, nap);
    co_return result.done.empty();
}

std::vector<Future<int>> with_another(Future<int> future) {
    std::vector<Future<int>> futures;
    futures.push_back(get_running_loop().create_future<int>());
    futures.push_back(std::move(future));
    return futures;
}
Coro<int> next_of(AsCompleted<Future<int>> ended) {
    const Future<int> future = co_await ended.next();
    co_return future.result();
}
Coro<int> next_result_of(AsCompleted<Future<int>> ended) {
    const auto value = co_await ended.next_result();
    co_return *value;
}

Coro<int> winner_of(Future<int> future, Duration delay) {
    const auto attempt = [future] { return pass(future); };
    const std::vector<std::function<Coro<int>()>> attempts{attempt, attempt};
    const auto result = co_await staggered_race(attempts, delay);
    co_return *result.winner;
}

} // namespace

TEST_CASE("conformance: wait") {
    check_conformance("wait for all", 7,
                      [](Gate& gate) { return done_of_wait(gate.future(), WaitOptions()); });
    check_conformance("wait with a limit", 7, [](Gate& gate) { return done_of_wait(gate.future(), 1h); });
    check_conformance("wait for the first", 7, [](Gate& gate) { return first_of_two(gate.future()); });
    const auto until_time_is_up = [](Gate& gate) {
        return nothing_done(get_running_loop().create_future<int>(), gate.nap());
    };
    check_conformance("wait until the time is up", true, until_time_is_up);
}

TEST_CASE("conformance: as_completed") {
    check_conformance("next", 7,
                      [](Gate& gate) { return next_of(as_completed(with_another(gate.future()))); });
    check_conformance("next result", 7, [](Gate& gate) {
        return next_result_of(as_completed(with_another(gate.future()), 1h));
    });
}

TEST_CASE("conformance: staggered_race") {
    check_conformance("with a delay", 7, [](Gate& gate) { return winner_of(gate.future(), 1h); });
    check_conformance("all at once", 7, [](Gate& gate) { return winner_of(gate.future(), 0s); });
}
