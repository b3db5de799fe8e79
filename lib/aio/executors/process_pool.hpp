#pragma once

/// `ProcessPoolExecutor`: calls run in worker processes (`concurrent.futures.ProcessPoolExecutor`).
///
///     long cpu_bound(long n);
///
///     aio::ProcessPoolExecutor processes(2);
///     long sum = co_await loop.run_in_executor(processes, cpu_bound, 10'000'000L);
///
/// What the workers are like is said by `ProcessPoolOptions`, what a single call may take by
/// `ProcessCallOptions`:
///
///     aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(4).idle_timeout(10s));
///     auto page = loop.run_in_executor(pool, aio::ProcessCallOptions().timeout(2s).retries(3), render, path);
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
#include <aio/executors/process_call_options.hpp>
#include <aio/executors/process_errors.hpp>
#include <aio/executors/process_pool_options.hpp>
#include <aio/executors/process_statistics.hpp>
#include <aio/executors/process_stream.hpp>
#include <aio/executors/stop_aware.hpp>
#include <aio/workers/process_start.hpp>

namespace aio {
namespace detail {
class ProcessPoolCore;
}

/// A pool of worker processes, started when there is work and none is idle. It belongs to the loop that is
/// running when it is made, or else when it is first used, and that loop must run for its calls to proceed.
/// `submit` may be called from any thread. Cancelling a call that has not been handed to a worker keeps it
/// from running. One that runs is stopped when the loop's future for it is cancelled, and so when the task
/// that awaits it is: it is asked to (`worker_task`, or a `std::stop_token` as its first parameter), and if
/// it does not end its worker is. `ProcessPoolOptions` says how long that takes, or that it is to run on, as
/// in asyncio. `ConcurrentFuture::cancel` gives false for a call that runs, and leaves it alone;
/// `ConcurrentFuture::request_stop` stops it.
class ProcessPoolExecutor final : public Executor {
public:
    // Templates, so that only programs that make a pool announce it (see process_start.hpp).

    /// At most `max_workers` processes; by default as many as processors. Throws `ValueError` if that is not
    /// positive.
    template <class Use = void>
    explicit ProcessPoolExecutor(int max_workers = default_max_workers())
        : ProcessPoolExecutor(ProcessPoolOptions().max_workers(max_workers),
                              detail::ProcessPoolUse<Use>::announced) {}
    /// Throws `ValueError` if the options contradict each other, and `RuntimeError` if workers cannot be
    /// started in that way.
    template <class Use = void>
    explicit ProcessPoolExecutor(const ProcessPoolOptions& options)
        : ProcessPoolExecutor(options, detail::ProcessPoolUse<Use>::announced) {}
    /// Cancels what is queued and kills what runs; does not wait. Use `shutdown` and `wait_closed` to let
    /// calls end first.
    ~ProcessPoolExecutor() override;

    /// Queues `function(arguments...)`. What cannot be sent to another process does not compile, and the
    /// message says what to do instead. An argument that cannot be encoded after all fails the call's future.
    /// Throws `RuntimeError` after `shutdown`, or if there is no running loop to belong to, and
    /// `BrokenProcessPool`.
    /// A function that takes a `std::stop_token` before the arguments gets that of `worker_task`.
    template <class F, class... Args>
        requires(!std::same_as<std::remove_cvref_t<F>, ProcessCallOptions>)
    auto submit(F&& function, Args&&... arguments) {
        return make_and_submit(nullptr, std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    /// The same with options for this call.
    template <class F, class... Args>
    auto submit(const ProcessCallOptions& options, F&& function, Args&&... arguments) {
        return make_and_submit(&options, std::forward<F>(function), std::forward<Args>(arguments)...);
    }

    /// Has a function give many items, which are read while it goes on: see
    /// <aio/executors/process_stream.hpp>. On the thread of the loop that the pool belongs to, while that
    /// runs, else `RuntimeError`. Throws as `submit`, and `ValueError` for options with `retries`.
    template <class F, class... Args>
        requires(!std::same_as<std::remove_cvref_t<F>, ProcessCallOptions>)
    [[nodiscard]] auto stream(F&& function, Args&&... arguments) {
        return stream(ProcessCallOptions(), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    template <class F, class... Args>
    [[nodiscard]] auto stream(const ProcessCallOptions& options, F&& function, Args&&... arguments) {
        using Task = detail::StreamTask<std::decay_t<F>, transferred_t<Args>...>;
        if constexpr (!Transferable<Task, Args...>) {
            detail::explain_stream_refusal<std::decay_t<F>, Args...>();
        } else {
            using Item = typename Task::Item;
            const detail::Ref<detail::StreamOf<Item>> stream(
                new detail::StreamOf<Item>(get_running_loop(), options));
            const auto call = std::make_shared<detail::StreamCall<Task, Args...>>(
                stream, Task(std::forward<F>(function)), std::forward<Args>(arguments)...);
            open_stream(options, call, call);
            stream->connect(call->host(), call->id());
            return ProcessStream<Item>(stream);
        }
    }

    /// Refuses further calls; workers end when their calls have. With `cancel_futures`, calls that no worker
    /// has yet are cancelled. With `wait`, blocks until all workers have ended; on the loop's own thread that
    /// is impossible while calls are left, and throws `RuntimeError`: await `wait_closed()` there.
    void shutdown(bool wait = true, bool cancel_futures = false) override;

    /// `shutdown(false, true)`, and SIGTERM or SIGKILL to every worker and what it has started: the calls
    /// that run fail with `WorkerCrashed`. Without effect on a pool that has no workers. A worker may ignore
    /// SIGTERM.
    void terminate_workers();
    void kill_workers();

    /// Completes when the pool has been shut down and its last worker has ended. On the loop's thread.
    [[nodiscard]] Future<> wait_closed();

    [[nodiscard]] int max_workers() const noexcept;
    /// The processes that are running now. On the loop's thread.
    [[nodiscard]] std::vector<int> worker_pids() const;
    /// On the loop's thread.
    [[nodiscard]] ProcessPoolStatistics statistics() const;
    [[nodiscard]] static int default_max_workers() noexcept;

protected:
    void submit_call(std::shared_ptr<detail::Call> call) override;

private:
    template <class F, class... Args>
    auto make_and_submit(const ProcessCallOptions* options, F&& function, Args&&... arguments) {
        if constexpr (detail::wants_stop_token<std::decay_t<F>, transferred_t<Args>...>) {
            return make_and_submit(options, detail::stop_aware(std::forward<F>(function)),
                                   std::forward<Args>(arguments)...);
        } else if constexpr (!Transferable<F, Args...>) {
            detail::explain_refusal<std::decay_t<F>, Args...>();
            return ConcurrentFuture<>();
        } else if constexpr (!detail::runs_remotely<F, Args...>) {
            static_assert(detail::runs_remotely<F, Args...>,
                          "the call is not the same here and in another process, where views and pointers to "
                          "text arrive as std::string and std::vector: pass what the function takes");
            return ConcurrentFuture<>();
        } else {
            using CallType = detail::RemoteOnlyCall<F, Args...>;
            auto call =
                std::make_shared<CallType>(std::forward<F>(function), std::forward<Args>(arguments)...);
            if (options == nullptr)
                submit_call(call);
            else
                submit_planned(*options, call);
            return ConcurrentFuture<typename CallType::Value>(std::move(call));
        }
    }
    void submit_planned(const ProcessCallOptions& options, std::shared_ptr<detail::Call> call);
    /// `end` is told when the call has ended.
    void open_stream(const ProcessCallOptions& options, std::shared_ptr<detail::Call> call,
                     std::shared_ptr<detail::ConcurrentCallback> end);

    ProcessPoolExecutor(const ProcessPoolOptions& options, bool announced);
    std::shared_ptr<detail::ProcessPoolCore> core_;
};

} // namespace aio
