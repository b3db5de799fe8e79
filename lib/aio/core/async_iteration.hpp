#pragma once

/// Going through an `AsyncGenerator` in one call: `for_each` and `collect` (`async for` in Python).
///
///     co_await aio::for_each(countdown(10, 1s), [](int n) { std::printf("%d\n", n); });
///     std::vector<int> all = co_await aio::collect(countdown(10, 1s));

#include <exception>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/async_generator.hpp>
#include <aio/core/awaitable.hpp>
#include <aio/core/coro.hpp>

namespace aio {
namespace detail {

/// An item as it is handed on: a value moved out, a reference as it is.
template <class T>
T&& hand_on(generator_item_t<T>& item) noexcept {
    return static_cast<T&&>(*item);
}

template <class T, class F>
Coro<> for_each_in_coro(AsyncGenerator<T> generator, F function) {
    std::exception_ptr error;
    try {
        while (auto item = co_await generator.next()) {
            if constexpr (IsAwaitable<std::invoke_result_t<F&, T>>)
                co_await std::invoke(function, hand_on<T>(item));
            else
                std::invoke(function, hand_on<T>(item));
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (!error) co_return;
    co_await generator.aclose();
    std::rethrow_exception(error);
}

} // namespace detail

/// Calls `function(item)` for every item, in order, in the current task, and awaits what that returns if it
/// can be awaited. Owns both; pass a named generator by `std::move`. Throws what the generator or the
/// function throws; in the second case, and when the function is cancelled, the generator is closed before
/// (an error of its cleanup replaces the first).
template <class T, class F>
    requires std::invocable<std::decay_t<F>&, T>
[[nodiscard]] Coro<> for_each(AsyncGenerator<T> generator, F&& function) {
    return detail::for_each_in_coro<T, std::decay_t<F>>(std::move(generator), std::forward<F>(function));
}

/// All items, in order; of a generator of references, copies. Throws what the generator throws; what had been
/// collected is then lost, as it is when the task is cancelled.
template <class T>
[[nodiscard]] Coro<std::vector<std::remove_cvref_t<T>>> collect(AsyncGenerator<T> generator) {
    std::vector<std::remove_cvref_t<T>> items;
    while (auto item = co_await generator.next()) items.push_back(detail::hand_on<T>(item));
    co_return items;
}

} // namespace aio
