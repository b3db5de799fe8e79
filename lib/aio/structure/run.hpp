#pragma once

/// `run`: the whole life of a program's asynchronous part, in one call (`asyncio.run`).
///
///     aio::Coro<int> amain() { co_await aio::sleep(1s); co_return 0; }
///     int main() { return aio::run(amain()); }

#include <type_traits>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/structure/run_options.hpp>
#include <aio/structure/runner.hpp>

namespace aio {
namespace detail {

template <class T>
T run_once(Coro<T> main, const RunOptions& options) {
    Runner runner(options);
    if constexpr (std::is_void_v<T>) {
        runner.run(std::move(main));
        runner.close();
    } else {
        T result = runner.run(std::move(main));
        runner.close();
        return result;
    }
}

} // namespace detail

/// Makes a loop, runs `main` in it to its end, and gives its result or throws its exception. Before it
/// returns it cancels the tasks that are left and waits for them, closes open asynchronous generators, waits
/// for the default executor, and closes the loop. Ctrl-C cancels `main`; if that lets the cancellation pass,
/// `KeyboardInterrupt` is thrown. Throws `RuntimeError` if a loop is running in this thread.
template <class T>
T run(Coro<T> main, const RunOptions& options = RunOptions()) {
    return detail::run_once(std::move(main), options);
}
/// As above for `function(arguments...)`, which gives a coroutine; both are owned until it has ended. The
/// options come first.
template <class F, class... Args>
    requires detail::CoroutineCall<F, Args...>
auto run(const RunOptions& options, F&& function, Args&&... arguments) -> detail::CallResult<F, Args...> {
    auto main = detail::call_in_coro<std::decay_t<F>, std::decay_t<Args>...>(
        std::forward<F>(function), std::forward<Args>(arguments)...);
    return detail::run_once(std::move(main), options);
}
/// The same with default options.
template <class F, class... Args>
    requires detail::CoroutineCall<F, Args...>
auto run(F&& function, Args&&... arguments) -> detail::CallResult<F, Args...> {
    return run(RunOptions(), std::forward<F>(function), std::forward<Args>(arguments)...);
}

} // namespace aio
