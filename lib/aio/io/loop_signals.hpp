#pragma once

/// `loop.add_signal_handler(signum, function, arguments...)`: one function for a signal, as in asyncio.
///
///     loop.add_signal_handler(SIGTERM, [&] { stop_requested.set(); });
///
/// `SignalHandler` is the same as an object: any number of them, each for as long as it lives.

#include <concepts>
#include <type_traits>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/signal_handler.hpp>

namespace aio {
namespace detail {

/// Makes `handler` the one of the loop for that signal.
void replace_signal_handler(EventLoop& loop, int signum, SignalHandler handler);

} // namespace detail

template <class F, class... Args>
    requires std::invocable<std::decay_t<F>&, std::decay_t<Args>&...>
void EventLoop::add_signal_handler(int signum, F&& function, Args&&... arguments) {
    using Result = std::invoke_result_t<std::decay_t<F>&, std::decay_t<Args>&...>;
    if constexpr (!std::is_void_v<Result>)
        static_assert(!detail::IsAwaitable<Result>,
                      "a signal handler is a plain function: nobody would await this coroutine; let it call "
                      "create_task");
    check_schedulable();
    detail::replace_signal_handler(
        *this, signum,
        SignalHandler(*this, signum, std::forward<F>(function), std::forward<Args>(arguments)...));
}

} // namespace aio
