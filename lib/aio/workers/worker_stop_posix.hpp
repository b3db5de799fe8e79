#pragma once
// How a call that runs sees that it is to stop: the pool sends a STOP frame down the pipe that the call came
// from (see task_inbox_posix.hpp).

#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include <aio/uv/pipe.hpp>
#include <aio/workers/emit.hpp>
#include <aio/workers/task_inbox_posix.hpp>
#include <aio/workers/task_reports_posix.hpp>
#include <aio/workers/worker_task.hpp>

namespace aio::detail {

/// Requests a stop when `inbox` says so. A thread that only waits, with all signals blocked, so that copies
/// of this process can be forked meanwhile.
class StopWatcher {
public:
    /// Throws std::system_error.
    explicit StopWatcher(TaskInbox& inbox);
    StopWatcher(const StopWatcher&) = delete;
    StopWatcher& operator=(const StopWatcher&) = delete;
    /// Waits for the end of the thread, and so for a stop callback that runs in it.
    ~StopWatcher();

    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

private:
    void watch();

    TaskInbox& inbox_;
    std::stop_source source_;
    uv::PipeEnds end_;
    std::thread thread_;
};

/// The call that a worker runs, as `worker_task()` sees it, for as long as this lives.
class RunningTask final : private TaskControl {
public:
    /// `items` is null for a call that emits none.
    RunningTask(unsigned attempt, TaskReports& reports, TaskInbox& inbox, ItemSink* items) noexcept;
    ~RunningTask();

private:
    bool stop_requested() noexcept override;
    std::stop_token stop_token() override;
    unsigned attempt() const noexcept override { return attempt_; }
    void report_progress(Progress progress) override;
    ItemSink* item_sink() noexcept override { return items_; }

    /// What the task has forked does not read what the pool has sent to the worker, and does not speak for
    /// it.
    [[nodiscard]] bool in_copy() const noexcept;

    const int process_;
    const unsigned attempt_;
    TaskReports& reports_;
    TaskInbox& inbox_;
    ItemSink* const items_;
    std::mutex mutex_;
    std::optional<StopWatcher> watcher_;
};

} // namespace aio::detail
