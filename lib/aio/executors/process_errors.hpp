#pragma once

/// What goes wrong with worker processes, as exceptions.

#include <string>

#include <aio/core/errors.hpp>
#include <aio/executors/executor.hpp>
#include <aio/workers/worker_exit.hpp>

namespace aio {

/// The pool cannot start workers any more. The message gives the first reason.
class BrokenProcessPool : public BrokenExecutor {
public:
    using BrokenExecutor::BrokenExecutor;
};

/// The worker died while it ran the call. What the call had done until then is unknown; only this call is
/// lost.
class WorkerCrashed : public RuntimeError {
public:
    WorkerCrashed(int pid, const WorkerExit& exit);

    [[nodiscard]] int pid() const noexcept { return pid_; }
    /// The signal or the exit code, and what the process had used.
    [[nodiscard]] const WorkerExit& exit() const noexcept { return exit_; }

private:
    int pid_;
    WorkerExit exit_;
};

} // namespace aio
