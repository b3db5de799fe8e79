#pragma once

/// `loop.run_in_executor(executor, function, arguments...)` and `to_thread(function, arguments...)`.
///
///     std::string text = co_await aio::to_thread(read_file, path);
///     long sum = co_await loop.run_in_executor(processes, cpu_bound, 10'000'000);

#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>

#include <aio/core/context.hpp>
#include <aio/core/coro.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/executors/executor.hpp>
#include <aio/executors/wrap_future.hpp>

namespace aio {

namespace detail {

/// The loop's future of a submitted call, as its options want it.
template <class T>
Future<T> bridge_with_options(EventLoop& loop, const ConcurrentFuture<T>& concurrent,
                              const ThreadCallOptions& options) {
    if (!options.name().empty()) concurrent.state()->set_name(options.name());
    if (options.waits_when_cancelled()) return bridge_joining_future(loop, concurrent);
    return bridge_future<true>(loop, concurrent);
}

} // namespace detail

/// `executor.submit(function, arguments...)` with a future of this loop for the result. Cancelling that
/// future keeps a call that has not started from running. One that runs goes on, and its result is dropped;
/// if it takes a `std::stop_token`, that is requested, and a `ProcessPoolExecutor` stops it whatever it
/// takes. What can be called, and how its result comes back, is the executor's matter. Options may come
/// before the function, those of the executor: `run_in_executor(threads, ThreadCallOptions().name("parse"),
/// parse, text)`.
template <class Pool, class F, class... Args>
auto EventLoop::run_in_executor(Pool& executor, F&& function, Args&&... arguments) {
    check_schedulable();
    if constexpr (std::is_same_v<std::decay_t<F>, ThreadCallOptions>)
        return detail::bridge_with_options(*this, executor.submit(std::forward<Args>(arguments)...),
                                           function);
    else
        return detail::bridge_future<true>(
            *this, executor.submit(std::forward<F>(function), std::forward<Args>(arguments)...));
}

template <class F, class... Args>
auto EventLoop::run_in_executor(std::nullptr_t, F&& function, Args&&... arguments) {
    check_schedulable();
    if constexpr (std::is_same_v<std::decay_t<F>, ThreadCallOptions>)
        return detail::bridge_with_options(
            *this, default_executor().submit_local(std::forward<Args>(arguments)...), function);
    else
        return detail::bridge_future<true>(
            *this,
            default_executor().submit_local(std::forward<F>(function), std::forward<Args>(arguments)...));
}

namespace detail {

/// Runs a call in a context, in whatever thread.
template <class F>
struct InContext {
    InContext(Context c, F f) : context(std::move(c)), function(std::move(f)) {}
    template <class... Args>
        requires std::is_invocable_v<F&, Args...>
    decltype(auto) operator()(Args&&... args) {
        return context.run(
            [&]() -> decltype(auto) { return std::invoke(function, std::forward<Args>(args)...); });
    }
    Context context;
    F function;
};

template <class F>
struct CallableIdentity<InContext<F>> {
    using Type = F;
};

template <class F, class... Args>
Coro<CallValue<F, Args...>> to_thread_in_coro(ThreadCallOptions options, F function, Args... arguments) {
    InContext<F> call(copy_context(), std::move(function));
    co_return co_await get_running_loop().run_in_executor(nullptr, options, std::move(call),
                                                          std::move(arguments)...);
}

} // namespace detail

/// Runs `function(arguments...)`, which may block, in a thread of the default executor, with a copy of the
/// present context (`asyncio.to_thread`). The call starts when this is awaited. Pass values as arguments
/// rather than captured in a temporary lambda, which some compilers destroy twice inside a `co_await`.
/// Cancellation ends the await at once; a call that runs already goes on to its end in its thread, and its
/// result is dropped. A function that takes a `std::stop_token` first is asked to stop then.
template <class F, class... Args>
    requires ExecutorCallable<F, Args...>
[[nodiscard]] auto to_thread(F&& function, Args&&... arguments) {
    return detail::to_thread_in_coro<std::decay_t<F>, std::decay_t<Args>...>(
        ThreadCallOptions(), std::forward<F>(function), std::forward<Args>(arguments)...);
}
/// The same with options: a name for reports, and whether a cancellation waits for the call's end.
template <class F, class... Args>
    requires ExecutorCallable<F, Args...>
[[nodiscard]] auto to_thread(const ThreadCallOptions& options, F&& function, Args&&... arguments) {
    return detail::to_thread_in_coro<std::decay_t<F>, std::decay_t<Args>...>(
        options, std::forward<F>(function), std::forward<Args>(arguments)...);
}

} // namespace aio
