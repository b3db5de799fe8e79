#pragma once
// Workers that are this program, executed once more (`StartMethod::spawn`).

#include <aio/workers/worker_main_posix.hpp>

namespace aio::detail {

/// Exit code of a worker that could not execute the program.
inline constexpr int worker_exit_not_executed = 123;

/// In a process forked for a worker, with one thread: executes the program, which becomes the worker in
/// `serve_if_worker`.
[[noreturn]] void execute_worker(WorkerSetup setup) noexcept;

/// In a process started by `execute_worker`, becomes the worker and never returns; in any other does nothing.
/// The mark that it looks for is removed from the environment at once, and counts only for the child of the
/// process that it names.
void serve_if_worker();

} // namespace aio::detail
