#pragma once
// How a call that runs sees that it is to stop. The pool sends a STOP frame down the pipe that the call came
// from. A worker has one call at a time and reads nothing while it runs it, so whatever can be read from the
// pipe meanwhile is that frame, or the end of the pool: there is no need to read it. Only calls that emit
// items hear something else by that pipe, and read it (see task_inbox_posix.hpp).

#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/task_inbox_posix.hpp>
#include <aio/workers/task_reports_posix.hpp>
#include <aio/workers/worker_task.hpp>

namespace aio::detail {

/// Requests a stop when `descriptor` becomes readable, or when `inbox`, if there is one, says so. A thread
/// that only waits, with all signals blocked, so that copies of this process can be forked meanwhile.
class StopWatcher {
public:
    /// Throws std::system_error.
    StopWatcher(int descriptor, TaskInbox* inbox);
    StopWatcher(const StopWatcher&) = delete;
    StopWatcher& operator=(const StopWatcher&) = delete;
    /// Waits for the end of the thread, and so for a stop callback that runs in it.
    ~StopWatcher();

    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

private:
    void watch(int descriptor) const;

    TaskInbox* const inbox_;
    mutable std::stop_source source_;
    PipeEnds end_;
    std::thread thread_;
};

/// The call that a worker runs, as `worker_task()` sees it, for as long as this lives.
class RunningTask final : private TaskControl {
public:
    /// `stop_came`: the frame has been read together with that of the call.
    RunningTask(int task_pipe, bool stop_came, unsigned attempt, TaskReports& reports) noexcept;
    /// For a call that emits items.
    RunningTask(int task_pipe, unsigned attempt, TaskReports& reports, TaskInbox& inbox,
                ItemSink& items) noexcept;
    ~RunningTask();

private:
    bool stop_requested() noexcept override;
    std::stop_token stop_token() override;
    unsigned attempt() const noexcept override { return attempt_; }
    void report_progress(Progress progress) override { reports_.report(std::move(progress)); }
    ItemSink* item_sink() noexcept override { return items_; }

    const int task_pipe_;
    const bool stop_came_;
    const unsigned attempt_;
    TaskReports& reports_;
    TaskInbox* const inbox_ = nullptr;
    ItemSink* const items_ = nullptr;
    std::mutex mutex_;
    std::optional<StopWatcher> watcher_;
};

} // namespace aio::detail
