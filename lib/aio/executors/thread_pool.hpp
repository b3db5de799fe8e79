#pragma once

/// `ThreadPoolExecutor`: calls run in threads of its own (`concurrent.futures.ThreadPoolExecutor`).
///
///     aio::ThreadPoolExecutor threads(aio::ThreadPoolOptions().max_workers(4).thread_name_prefix("parse"));
///     Document document = co_await loop.run_in_executor(threads, parse, text);
///     threads.shutdown(10s);  // throws ShutdownTimeout, which names the calls that do not end
///
/// For blocking calls beyond what the default executor should carry, and for work that shares memory.

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <aio/executors/executor.hpp>
#include <aio/executors/thread_pool_options.hpp>
#include <aio/executors/worker_resource.hpp>

namespace aio {
namespace detail {
class ThreadPoolCore;
}

/// The initializer of a thread pool failed, so that its threads cannot work. The message says how.
class BrokenThreadPool : public BrokenExecutor {
public:
    using BrokenExecutor::BrokenExecutor;
};

/// A pool of threads, started when there is work and none is idle. Thread-safe.
class ThreadPoolExecutor : public Executor {
public:
    /// `max_workers` threads at most; by default the processors plus 4, but 32 at most. Threads are named
    /// `thread_name_prefix`_N, as far as the system shows names. Each runs `initializer` first; if that
    /// throws, the pool is broken: queued and later calls fail with `BrokenThreadPool`. Throws `ValueError`
    /// if `max_workers` is not positive.
    explicit ThreadPoolExecutor(int max_workers = default_max_workers(), std::string thread_name_prefix = {},
                                std::function<void()> initializer = {});
    explicit ThreadPoolExecutor(ThreadPoolOptions options);
    /// `shutdown(true)`: waits for all calls; but not again after a `shutdown` with a time limit has given
    /// up.
    ~ThreadPoolExecutor() override;

    /// As `Executor::submit`.
    template <class F, class... Args>
        requires ExecutorCallable<F, Args...>
    auto submit(F&& function, Args&&... arguments) {
        return submit_local(std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <class F, class... Args>
        requires ExecutorCallable<F, Args...>
    auto submit(const ThreadCallOptions& options, F&& function, Args&&... arguments) {
        return submit_local(options, std::forward<F>(function), std::forward<Args>(arguments)...);
    }

    void shutdown(bool wait = true, bool cancel_futures = false) override;

    /// `shutdown` that waits for so long at most. Throws `ShutdownTimeout`, which names what still blocks, if
    /// calls are left then. They go on by themselves, those that are queued too, unless `cancel_futures` has
    /// cancelled them; nothing waits for them any more, neither the destructor nor the end of the program, so
    /// what they use must outlive them. `shutdown` may be called again, to wait once more.
    template <class Rep, class Period>
    void shutdown(std::chrono::duration<Rep, Period> limit, bool cancel_futures = false) {
        shutdown_within(detail::to_duration(limit), cancel_futures);
    }

    /// Asks all calls that run to stop: those that take a `std::stop_token`. What is queued is not concerned.
    void request_stop();

    /// What it is doing. Takes longer the more calls are queued.
    [[nodiscard]] ExecutorStatistics statistics() const;
    [[nodiscard]] std::vector<RunningCall> running_calls() const override;

    [[nodiscard]] int max_workers() const noexcept;
    [[nodiscard]] static int default_max_workers() noexcept;

protected:
    /// For pools whose threads each have something of their own.
    ThreadPoolExecutor(ThreadPoolOptions options, detail::WorkerKind kind);

    void submit_call(std::shared_ptr<detail::Call> call) override;

private:
    void shutdown_within(Duration limit, bool cancel_futures);

    // Shared with the threads: a call may hold the last reference to its own pool, and its thread then
    // outlives this object for a moment.
    std::shared_ptr<detail::ThreadPoolCore> core_;
};

} // namespace aio
