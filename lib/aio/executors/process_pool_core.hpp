#pragma once

/// The scheduler of a process pool: which call goes to which worker, and what happens when one dies.
///
/// All state of scheduling lives here, in the parent, on the loop's thread: workers share nothing with each
/// other, no lock and no queue, so killing one cannot hurt another. Whether a worker is idle is read off the
/// worker itself, never counted on the side. A worker runs one call at a time and marks it as begun, so when
/// it dies there is no doubt which call dies with it; what it has been given ahead goes elsewhere (see
/// process_pool_ahead.cpp).

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/executors/concurrent_future.hpp>
#include <aio/executors/process_pool_options.hpp>
#include <aio/executors/process_queue.hpp>
#include <aio/executors/process_statistics.hpp>
#include <aio/executors/process_worker.hpp>
#include <aio/executors/remote_form.hpp>

namespace aio::detail {

/// Shared by the executor, its loop and calls on their way from other threads.
class ProcessPoolCore final : public std::enable_shared_from_this<ProcessPoolCore>,
                              public RemoteHost,
                              private LauncherListener,
                              private WorkerOwner,
                              private LoopResource {
public:
    explicit ProcessPoolCore(const ProcessPoolSettings& settings) : settings_(settings) {}
    ~ProcessPoolCore() = default;

    // From any thread.
    /// `plan` is null for a call without options.
    void submit(std::shared_ptr<Call> call, std::unique_ptr<CallPlan> plan);
    /// The result of the call is not wanted any more.
    void stop_call(std::uint64_t id) noexcept override;
    // On the loop's thread.
    void give_credit(std::uint64_t id, std::uint64_t items, std::uint64_t bytes) noexcept override;
    void stop_stream(std::uint64_t id) noexcept override;
    // From any thread.
    /// Binds the pool to the running loop, if there is one and it is not bound yet.
    void bind();
    void refuse();
    /// Has `function` called on the loop's thread: now, if this is it or there is no loop yet. Not at all if
    /// the loop closes first, which destroys the pool.
    void run_on_loop(std::function<void(ProcessPoolCore&)> function);
    /// Whether it has a loop.
    [[nodiscard]] bool used() const;
    /// Completes with the pool.
    [[nodiscard]] const ConcurrentFuture<>& closed_future() const noexcept { return closed_; }
    [[nodiscard]] bool on_loop_thread() const;
    /// Whether this is the thread that the pool was bound in: if its loop is not running now, nobody else
    /// will run it meanwhile.
    [[nodiscard]] bool on_binding_thread() const;
    [[nodiscard]] const ProcessPoolSettings& settings() const noexcept { return settings_; }

    // On the loop's thread.
    void begin_shutdown(bool cancel_queued);
    /// Shuts down and ends all workers: at once, or by SIGTERM.
    void end_workers(bool at_once);
    [[nodiscard]] ProcessPoolStatistics statistics() const;
    [[nodiscard]] Future<> wait_closed();
    [[nodiscard]] bool closed() const noexcept {
        return shutting_down_ && workers_.empty() && queue_.empty();
    }
    [[nodiscard]] bool has_calls() const noexcept;
    [[nodiscard]] std::vector<int> pids() const;
    /// Cancels what is queued, kills what runs, lets go of the loop. Does nothing the second time.
    void destroy() noexcept;

private:
    using WorkerRef = std::shared_ptr<ProcessWorker>;

    // LoopResource
    void loop_closing() noexcept override;
    // LauncherListener
    void worker_started(std::uint64_t id, int pid, const std::string& error) noexcept override;
    void worker_exited(int pid, const WorkerExit& exit) noexcept override;
    void launcher_closed(const std::string& reason) noexcept override;
    // WorkerOwner
    void worker_ready(ProcessWorker& worker) noexcept override;
    void start_refused(ProcessWorker& worker, const FrameView& frame) noexcept override;
    void call_ended(ProcessWorker& worker, PoolEntry entry, StopReason stopped,
                    const FrameView& frame) noexcept override;
    void frame_sent(ProcessWorker& worker) noexcept override;
    void worker_heard(ProcessWorker& worker) noexcept override;
    void call_progressed(ProcessWorker& worker) noexcept override;
    void worker_lost(ProcessWorker& worker, const std::string& reason) noexcept override;

    class Arrival;
    class LoopRequest;
    void enqueue(PoolEntry entry);
    void dispatch();
    void give(ProcessWorker& worker);
    [[nodiscard]] ProcessWorker* idle_worker() const noexcept;
    void drop_done();
    void give_ahead();
    [[nodiscard]] bool share_ahead();
    void take_back(ProcessWorker& worker, std::size_t most);
    void take_back_all();
    [[nodiscard]] std::size_t staying() const noexcept;
    [[nodiscard]] bool wants_worker() const noexcept;
    void start_workers();
    void start_worker();
    void start_failed(const std::string& reason);
    void expect_start();
    void start_timed_out();
    [[nodiscard]] std::size_t starting() const noexcept;
    void note_idle(ProcessWorker& worker);
    void watch_idle_at(TimePoint when);
    void reap_idle();
    void remove(ProcessWorker& worker, WorkerExit exit) noexcept;
    void lose_call(PoolEntry entry, bool begun, StopReason stopped, const WorkerEnd& end);
    void retry_or_fail(PoolEntry entry, const WorkerEnd& end);
    [[nodiscard]] ProcessWorker* find_worker(std::uint64_t id) const noexcept;
    void begin_deadline(ProcessWorker& worker);
    void stop(std::uint64_t call, StopReason reason);
    void finish(ProcessWorker& worker);
    void terminate(std::uint64_t worker, std::uint64_t call);
    void kill(std::uint64_t worker);
    void replace_launcher(const std::string& reason);
    void break_pool(const std::string& reason, bool at_once = true);
    void kill_stubborn() noexcept;
    void finish_shutdown();
    void put_last(PoolEntry entry);
    void requeue(PoolEntry entry, const WorkerEnd& end);
    void deliver(PoolEntry& entry, StopReason stopped, const FrameView& frame, int pid) noexcept;

    const ProcessPoolSettings settings_;

    // Guards what other threads read.
    mutable std::mutex mutex_;
    LoopState* state_ = nullptr;
    std::shared_ptr<Mailbox> mailbox_;
    std::string broken_reason_;
    std::thread::id binding_thread_;
    bool refusing_ = false;
    bool loop_closed_ = false;
    std::uint64_t next_call_id_ = 1;

    EventLoop* loop_ = nullptr;
    // Until it has let go of the loop it stays, whoever drops it in which thread.
    std::shared_ptr<ProcessPoolCore> held_by_loop_;
    std::unique_ptr<WorkerLauncher> launcher_;
    ProcessQueue queue_{settings_.priority_ageing};
    std::vector<WorkerRef> workers_;
    /// Kept for its memory.
    std::vector<ProcessWorker*> hungry_;
    std::vector<Future<>> close_waiters_;
    ConcurrentFuture<> closed_;
    TimerHandle start_timeout_;
    TimerHandle retry_;
    TimerHandle idle_watch_;
    std::string first_start_error_;
    unsigned failed_starts_ = 0;
    bool waiting_to_retry_ = false;
    bool watching_idle_ = false;
    bool shutting_down_ = false;
    /// The workers have been signalled: no call is given to another.
    bool ending_workers_ = false;
    /// Workers of a broken pool that have got SIGTERM.
    std::vector<int> stubborn_;
    TimerHandle stubborn_watch_;
    ProcessPoolStatistics counts_;
};

} // namespace aio::detail
