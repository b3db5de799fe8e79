#pragma once

/// `ProcessPoolExecutor`: calls run in worker processes (`concurrent.futures.ProcessPoolExecutor`).
///
///     long cpu_bound(long n);
///
///     aio::ProcessPoolExecutor processes(2);
///     long sum = co_await loop.run_in_executor(processes, cpu_bound, 10'000'000L);
///
/// A worker has its own memory: it cannot block the loop, and a crash costs the one call that it was running.
/// That call fails with `WorkerCrashed`, the worker is replaced, and the pool goes on. The function travels
/// as a reference into the program, the arguments and the result as bytes (see <aio/workers/codec.hpp> for
/// what can be sent), exceptions with their type and message (<aio/workers/remote_error.hpp>). Large data
/// need not be copied: see <aio/workers/shared_buffer.hpp>.
///
/// Workers are forked from a helper process that has one thread, so it does not matter which threads this
/// program has. Programs whose `main` begins with `aio::run` need to do nothing for that; others call
/// `aio::worker_entry()` first (<aio/workers/process_start.hpp>).

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/future.hpp>
#include <aio/executors/executor.hpp>
#include <aio/workers/process_start.hpp>
#include <aio/workers/worker_exit.hpp>

namespace aio {
namespace detail {
class ProcessPoolCore;
}

/// The pool cannot start workers any more. The message gives the first reason.
class BrokenProcessPool : public BrokenExecutor {
public:
    using BrokenExecutor::BrokenExecutor;
};

/// The worker died while it ran the call. What the call had done until then is unknown; only this call is
/// lost.
class WorkerCrashed : public RuntimeError {
public:
    WorkerCrashed(int pid, const WorkerExit& exit)
        : RuntimeError("the worker process " + std::to_string(pid) + " " + exit.description() +
                       " while it ran this call"),
          pid_(pid),
          exit_(exit) {}

    [[nodiscard]] int pid() const noexcept { return pid_; }
    /// The signal or the exit code, and what the process had used.
    [[nodiscard]] const WorkerExit& exit() const noexcept { return exit_; }

private:
    int pid_;
    WorkerExit exit_;
};

/// A pool of worker processes, started when there is work and none is idle. It belongs to the loop that is
/// running when it is made, or else when it is first used, and that loop must run for its calls to proceed.
/// `submit` may be called from any thread. Cancelling a call that has not been handed to a worker keeps it
/// from running; one that runs goes on, and its result is dropped.
class ProcessPoolExecutor final : public Executor {
public:
    /// At most `max_workers` processes; by default as many as processors. Throws `ValueError` if that is not
    /// positive.
    // A template, so that only programs that make a pool announce it (see process_start.hpp).
    template <class Use = void>
    explicit ProcessPoolExecutor(int max_workers = default_max_workers())
        : ProcessPoolExecutor(max_workers, detail::ProcessPoolUse<Use>::announced) {}
    /// Cancels what is queued and kills what runs; does not wait. Use `shutdown` and `wait_closed` to let
    /// calls end first.
    ~ProcessPoolExecutor() override;

    /// Queues `function(arguments...)`. What cannot be sent to another process does not compile, and the
    /// message says what to do instead. An argument that cannot be encoded after all fails the call's future.
    /// Throws `RuntimeError` after `shutdown`, or if there is no running loop to belong to, and
    /// `BrokenProcessPool`.
    template <class F, class... Args>
    auto submit(F&& function, Args&&... arguments) {
        if constexpr (!Transferable<F, Args...>) {
            detail::explain_refusal<std::decay_t<F>, Args...>();
            return ConcurrentFuture<>();
        } else if constexpr (!detail::runs_remotely<F, Args...>) {
            static_assert(detail::runs_remotely<F, Args...>,
                          "the call is not the same here and in another process, where views and pointers to "
                          "text arrive as std::string and "
                          "std::vector: pass what the function takes");
            return ConcurrentFuture<>();
        } else {
            return submit_as<detail::RemoteOnlyCall<F, Args...>>(std::forward<F>(function),
                                                                 std::forward<Args>(arguments)...);
        }
    }

    /// Refuses further calls; workers end when their calls have. With `cancel_futures`, calls that no worker
    /// has yet are cancelled. With `wait`, blocks until all workers have ended; on the loop's own thread that
    /// is impossible while calls are left, and throws `RuntimeError`: await `wait_closed()` there.
    void shutdown(bool wait = true, bool cancel_futures = false) override;

    /// Completes when the pool has been shut down and its last worker has ended. On the loop's thread.
    [[nodiscard]] Future<> wait_closed();

    [[nodiscard]] int max_workers() const noexcept;
    /// The processes that are running now. On the loop's thread.
    [[nodiscard]] std::vector<int> worker_pids() const;
    [[nodiscard]] static int default_max_workers() noexcept;

protected:
    void submit_call(std::shared_ptr<detail::Call> call) override;

private:
    ProcessPoolExecutor(int max_workers, bool announced);
    std::shared_ptr<detail::ProcessPoolCore> core_;
};

} // namespace aio
