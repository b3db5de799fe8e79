#pragma once

/// `testing::run`: runs a test's main coroutine in a loop with a `VirtualClock`, in a chosen order.

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/structure/run.hpp>
#include <aio/testing/shuffle.hpp>
#include <aio/testing/virtual_clock.hpp>

namespace aio::testing {

/// As `aio::run`, with time that jumps (`VirtualClock`), and with every round shuffled if a seed is given.
/// Gives the result of `main` or throws what it throws; `DeadlockError` if it waits for something that can
/// never come.
template <class T>
T run(Coro<T> main, std::optional<std::uint64_t> seed = std::nullopt) {
    VirtualClock clock;
    const auto make_loop = [&clock, seed] {
        auto loop = std::make_unique<EventLoop>(clock);
        if (seed) shuffle(*loop, *seed);
        return loop;
    };
    return aio::run(std::move(main), RunOptions().loop_factory(make_loop));
}
/// As above for `function()`, which gives a coroutine and is kept until that has ended.
template <class F>
    requires aio::detail::CoroutineCall<F>
auto run(F&& function, std::optional<std::uint64_t> seed = std::nullopt) -> aio::detail::CallResult<F> {
    return run(aio::detail::call_in_coro<std::decay_t<F>>(std::forward<F>(function)), seed);
}

} // namespace aio::testing
