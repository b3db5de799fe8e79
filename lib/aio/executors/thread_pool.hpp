#pragma once

/// `ThreadPoolExecutor`: calls run in threads of its own (`concurrent.futures.ThreadPoolExecutor`).

#include <exception>
#include <functional>
#include <memory>
#include <string>

#include <aio/executors/executor.hpp>

namespace aio {

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
    /// `shutdown(true)`: waits for all calls.
    ~ThreadPoolExecutor() override;

    /// As `Executor::submit`.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    auto submit(F&& function, Args&&... arguments) {
        return submit_local(std::forward<F>(function), std::forward<Args>(arguments)...);
    }

    void shutdown(bool wait = true, bool cancel_futures = false) override;

    [[nodiscard]] int max_workers() const noexcept;
    [[nodiscard]] static int default_max_workers() noexcept;

protected:
    /// Makes the error for calls to a pool whose initializer failed.
    using BrokenError = std::exception_ptr (*)(const std::string& reason);
    ThreadPoolExecutor(int max_workers, std::string thread_name_prefix, std::function<void()> initializer,
                       BrokenError broken);

    void submit_call(std::shared_ptr<detail::Call> call) override;

private:
    class Core;
    // Shared with the threads: a call may hold the last reference to its own pool, and its thread then
    // outlives this object for a moment.
    std::shared_ptr<Core> core_;
};

} // namespace aio
