#pragma once

/// `wait_for`: awaits one thing, for a limited time (`asyncio.wait_for`).

#include <chrono>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/structure/ensure_future.hpp>
#include <aio/structure/timeout.hpp>

namespace aio {
namespace detail {

template <class A>
Coro<await_result_t<A>> wait_for_nothing_in_coro(A awaitable) {
    auto future = ensure_future(std::move(awaitable), std::source_location());
    if (!future.done()) {
        future.cancel();
        // Waits for the end without taking the outcome: that is read below.
        co_await until_done(future.state());
        if (future.cancelled())
            throw_timeout_because_of(
                std::make_exception_ptr(CancelledError(future.state().cancel_message())));
    }
    co_return co_await std::move(future);
}

template <class A>
Coro<await_result_t<A>> wait_for_in_coro(A awaitable, Duration limit) {
    using T = await_result_t<A>;
    Timeout timeout(limit);
    timeout.enter();
    BodyResult<T> result;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(awaitable);
            result.value.emplace();
        } else {
            result.value.emplace(wrap_stored<T>(co_await std::move(awaitable)));
        }
    } catch (...) {
        result.error = std::current_exception();
    }
    timeout.exit(result.error);
    if constexpr (!std::is_void_v<T>) co_return unwrap_stored<T>(std::move(*result.value));
}

} // namespace detail

/// Awaits `awaitable` in the current task and gives its result. If it has not ended when `timeout` has
/// passed, cancels it, waits until it has really ended, and throws `TimeoutError`; should it give a result
/// all the same, that is returned, and an exception of its own is thrown. With a timeout of zero or less,
/// something that is done gives its result, and a coroutine that has not started never starts. Cancelling the
/// await cancels `awaitable`.
template <class A, class Rep, class Period>
    requires Awaitable<A>
[[nodiscard]] Coro<await_result_t<std::remove_cvref_t<A>>>
wait_for(A&& awaitable, std::chrono::duration<Rep, Period> timeout) {
    const Duration limit = detail::to_duration(timeout);
    if (limit <= Duration::zero())
        return detail::wait_for_nothing_in_coro<std::remove_cvref_t<A>>(std::forward<A>(awaitable));
    return detail::wait_for_in_coro<std::remove_cvref_t<A>>(std::forward<A>(awaitable), limit);
}
/// Without a limit: the same as awaiting it.
template <class A>
    requires Awaitable<A>
[[nodiscard]] Coro<await_result_t<std::remove_cvref_t<A>>> wait_for(A&& awaitable, std::nullopt_t) {
    return detail::await_in_coro<std::remove_cvref_t<A>>(std::forward<A>(awaitable));
}

} // namespace aio
