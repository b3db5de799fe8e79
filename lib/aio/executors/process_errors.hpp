#pragma once

/// What goes wrong with worker processes, as exceptions.

#include <string>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/executors/executor.hpp>
#include <aio/workers/worker_exit.hpp>

namespace aio {

/// The pool cannot start workers any more: the message gives the first reason. Or one of its workers has
/// died, and it is not to live longer than that (`ProcessPoolOptions::break_on_crash`).
class BrokenProcessPool : public BrokenExecutor {
public:
    using BrokenExecutor::BrokenExecutor;
};

/// The end of one worker process.
class WorkerEnd {
public:
    WorkerEnd(int worker_pid, const WorkerExit& worker_exit) : pid(worker_pid), exit(worker_exit) {}
    int pid;
    WorkerExit exit;
};

/// The worker died while it ran the call. What the call had done until then is unknown; only this call is
/// lost.
class WorkerCrashed : public RuntimeError {
public:
    WorkerCrashed(int pid, const WorkerExit& exit);

    [[nodiscard]] int pid() const noexcept { return pid_; }
    /// The signal or the exit code, and what the process had used.
    [[nodiscard]] const WorkerExit& exit() const noexcept { return exit_; }

protected:
    WorkerCrashed(const std::string& message, const WorkerEnd& end)
        : RuntimeError(message), pid_(end.pid), exit_(end.exit) {}

private:
    int pid_;
    WorkerExit exit_;
};

/// Each worker that was given the call has died of it, and it is not given to another
/// (`ProcessCallOptions::retries`). As a `WorkerCrashed` it stands for the last of them.
class PoisonTask : public WorkerCrashed {
public:
    /// `ends` must not be empty.
    explicit PoisonTask(std::vector<WorkerEnd> ends);

    /// The ends of all the workers, in order.
    [[nodiscard]] const std::vector<WorkerEnd>& ends() const noexcept { return ends_; }

private:
    std::vector<WorkerEnd> ends_;
};

} // namespace aio
