#pragma once

/// The default executor: blocking calls on libuv's work queue, as asyncio's default pool.
///
/// That queue is one per process, and libuv's own file and DNS operations need it too: enough blocking calls
/// of users would stop all of them. So users' calls, of all loops together, occupy the queue's threads only
/// up to a share, and the rest waits here, in order.

#include <memory>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/executors/executor.hpp>

namespace aio {

/// Runs calls on libuv's work queue, for one loop. `submit` may be called from any thread; the callbacks of
/// its futures run on the loop's thread. The loop must run for calls to start. Do not wait for its futures on
/// the loop's thread: await them.
class WorkQueueExecutor final : public Executor {
public:
    explicit WorkQueueExecutor(EventLoop& loop);
    /// `shutdown(false)`: calls that were submitted go on by themselves while the loop is open.
    ~WorkQueueExecutor() override;

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

    /// Refuses further calls; on the loop's thread. It cannot wait, because the loop must go on for its calls
    /// to end: with `wait`, throws `RuntimeError` if any are left, and `EventLoop::shutdown_default_executor`
    /// is what to await.
    void shutdown(bool wait = true, bool cancel_futures = false) override;

    /// Completes when no call is left.
    [[nodiscard]] Future<> idle();

    /// Asks the calls of this executor that run to stop, if they take a `std::stop_token`. On the loop's
    /// thread.
    void request_stop();

    /// What this executor's calls are doing. Its threads are the share of the queue that all loops' calls
    /// use, so how many are idle is not known here. On the loop's thread; zero once that is closed.
    [[nodiscard]] ExecutorStatistics statistics() const;
    [[nodiscard]] std::vector<RunningCall> running_calls() const override;

    /// How many of libuv's threads users' calls may occupy at once.
    [[nodiscard]] static unsigned share() noexcept;

protected:
    void submit_call(std::shared_ptr<detail::Call> call) override;

private:
    class Queued;
    class Lane;
    class Job;
    class Core;
    std::shared_ptr<Core> core_;
};

} // namespace aio
