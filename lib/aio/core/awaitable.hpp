#pragma once

/// What can be awaited, and what it gives.

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#include <aio/core/coro.hpp>
#include <aio/core/foreign_await.hpp>
#include <aio/core/task.hpp>

namespace aio {

/// Anything that can stand after `co_await` in a coroutine of aiouv.
template <class T>
concept Awaitable = detail::IsAwaitable<T>;

/// The type of `co_await std::declval<T>()`.
template <Awaitable T>
using await_result_t = decltype(std::declval<detail::AwaiterOf<T>&>().await_resume());

namespace detail {

template <class T>
inline constexpr bool is_coro = false;
template <class T>
inline constexpr bool is_coro<Coro<T>> = true;

template <class T>
inline constexpr bool is_future = false;
template <class T>
inline constexpr bool is_future<Future<T>> = true;
template <class T>
inline constexpr bool is_future<Task<T>> = true;

/// A call that gives a coroutine or another awaitable: the callable-plus-arguments form of every function
/// that takes work to run.
template <class F, class... Args>
concept CoroutineCall = std::invocable<std::decay_t<F>&, std::decay_t<Args>&&...> &&
                        IsAwaitable<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>&&...>>;

template <class F, class... Args>
using CallResult = await_result_t<std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>&&...>>;

/// Any awaitable as a coroutine, which owns it.
template <class A>
Coro<await_result_t<A>> await_in_coro(A awaitable) {
    co_return co_await std::move(awaitable);
}

/// A call as a coroutine, which owns the callable and its arguments until it has ended: a lambda's captures
/// live as long as its body runs.
template <class F, class... Args>
Coro<CallResult<F, Args...>> call_in_coro(F function, Args... arguments) {
    co_return co_await std::invoke(function, std::move(arguments)...);
}

template <class A>
auto as_coro(A&& awaitable) {
    if constexpr (is_coro<std::remove_cvref_t<A>>) {
        static_assert(!std::is_lvalue_reference_v<A>, "a named Coro must be moved in: it can run only once");
        return std::move(awaitable);
    } else {
        return await_in_coro<std::remove_cvref_t<A>>(std::forward<A>(awaitable));
    }
}

} // namespace detail
} // namespace aio
