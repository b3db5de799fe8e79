#pragma once

/// `Executor`: something that runs calls elsewhere, so that the loop is not blocked
/// (`concurrent.futures.Executor`).
///
/// Four kinds of them come with aiouv, and the same call moves between them by changing one argument of
/// `run_in_executor`:
///
/// | executor | runs in | for |
/// |---|---|---|
/// | the default one | libuv's work queue | blocking I/O |
/// | `ThreadPoolExecutor` | threads of its own | work that shares memory |
/// | `ProcessPoolExecutor` | forked worker processes | CPU-bound work, isolated from crashes |
/// | `InterpreterPoolExecutor` | Lua states in threads | scripts of users |
///
/// and beside the last one `ScriptPoolExecutor`, for other languages, and `IsolatedPoolExecutor`, whose
/// threads each own a C++ object.
///
/// All take a callable and its arguments, and before them, if wanted, the options of a call:
/// `ThreadCallOptions`, or `ProcessCallOptions` for processes. Cancelling a call that has not started keeps
/// it from running. One that is running goes on to its end, and its result is dropped; in a thread it is
/// asked to stop, if it takes a `std::stop_token` first (<aio/executors/call_traits.hpp>), and in a worker
/// process it is stopped when its loop future is cancelled (`ProcessPoolOptions::stop_cancelled`).

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/executors/concurrent_future.hpp>
#include <aio/executors/executor_statistics.hpp>
#include <aio/executors/remote_form.hpp>
#include <aio/executors/thread_call_options.hpp>

namespace aio {

/// An executor was shut down, or damaged beyond use.
class BrokenExecutor : public RuntimeError {
public:
    using RuntimeError::RuntimeError;
};

/// The interface of all executors. Thread-safe, unless a derived class says otherwise.
class Executor {
public:
    Executor() = default;
    Executor(const Executor&) = delete;
    Executor& operator=(const Executor&) = delete;
    virtual ~Executor() = default;

    /// Queues `function(arguments...)`. The callable and the arguments are copied or moved into the call.
    /// Throws `RuntimeError` after `shutdown`. Through this base class a call that could not run in another
    /// process is found out only when it gets there: its future then fails.
    template <class F, class... Args>
        requires ExecutorCallable<F, Args...>
    auto submit(F&& function, Args&&... arguments) -> ConcurrentFuture<detail::CallValue<F, Args...>> {
        return submit_as<detail::CallFor<F, Args...>>(std::forward<F>(function),
                                                      std::forward<Args>(arguments)...);
    }
    /// The same with a name for the call.
    template <class F, class... Args>
        requires ExecutorCallable<F, Args...>
    auto submit(const ThreadCallOptions& options, F&& function, Args&&... arguments) {
        auto future = submit(std::forward<F>(function), std::forward<Args>(arguments)...);
        if (!options.name().empty()) future.state()->set_name(options.name());
        return future;
    }

    /// Refuses further calls. With `wait`, returns when all that were submitted have ended; without, they go
    /// on by themselves. With `cancel_futures`, calls that have not started are cancelled. May be called
    /// again.
    virtual void shutdown(bool wait = true, bool cancel_futures = false) = 0;

    /// The calls that run now, as far as this executor can tell: what a report of a shutdown that takes too
    /// long names.
    [[nodiscard]] virtual std::vector<RunningCall> running_calls() const { return {}; }

    /// For the library: as `submit`, for calls that stay in this process.
    template <class F, class... Args>
        requires ExecutorCallable<F, Args...>
    auto submit_local(F&& function, Args&&... arguments) -> ConcurrentFuture<detail::CallValue<F, Args...>> {
        return submit_as<detail::CallOf<std::decay_t<F>, std::decay_t<Args>...>>(
            std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <class F, class... Args>
        requires ExecutorCallable<F, Args...>
    auto submit_local(const ThreadCallOptions& options, F&& function, Args&&... arguments) {
        auto future = submit_local(std::forward<F>(function), std::forward<Args>(arguments)...);
        if (!options.name().empty()) future.state()->set_name(options.name());
        return future;
    }

protected:
    /// Takes a call into the queue, or throws.
    virtual void submit_call(std::shared_ptr<detail::Call> call) = 0;

    template <class CallType, class... Args>
    auto submit_as(Args&&... args) -> ConcurrentFuture<typename CallType::Value> {
        auto call = std::make_shared<CallType>(std::forward<Args>(args)...);
        submit_call(call);
        return ConcurrentFuture<typename CallType::Value>(std::move(call));
    }
};

} // namespace aio
