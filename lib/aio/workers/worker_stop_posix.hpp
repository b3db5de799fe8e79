#pragma once
// How a call that runs sees that it is to stop. The pool sends a STOP frame down the pipe that the call came
// from. A worker has one call at a time and reads nothing while it runs it, so whatever can be read from the
// pipe meanwhile is that frame, or the end of the pool: there is no need to read it.

#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/worker_task.hpp>

namespace aio::detail {

/// Requests a stop when `descriptor` becomes readable. A thread that only waits, with all signals blocked, so
/// that copies of this process can be forked meanwhile.
class StopWatcher {
public:
    /// Throws std::system_error.
    explicit StopWatcher(int descriptor);
    StopWatcher(const StopWatcher&) = delete;
    StopWatcher& operator=(const StopWatcher&) = delete;
    /// Waits for the end of the thread, and so for a stop callback that runs in it.
    ~StopWatcher();

    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

private:
    void watch(int descriptor) const;

    mutable std::stop_source source_;
    PipeEnds end_;
    std::thread thread_;
};

/// The call that a worker runs, as `worker_task()` sees it, for as long as this lives.
class RunningTask final : private TaskControl {
public:
    /// `stop_came`: the frame has been read together with that of the call.
    RunningTask(int task_pipe, bool stop_came, unsigned attempt) noexcept;
    ~RunningTask();

private:
    bool stop_requested() noexcept override;
    std::stop_token stop_token() override;
    unsigned attempt() const noexcept override { return attempt_; }

    const int task_pipe_;
    const bool stop_came_;
    const unsigned attempt_;
    std::mutex mutex_;
    std::optional<StopWatcher> watcher_;
};

} // namespace aio::detail
