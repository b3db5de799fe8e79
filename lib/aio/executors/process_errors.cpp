#include <aio/executors/process_errors.hpp>

namespace aio {

WorkerCrashed::WorkerCrashed(int pid, const WorkerExit& exit)
    : RuntimeError("the worker process " + std::to_string(pid) + " " + exit.description() +
                   " while it ran this call"),
      pid_(pid),
      exit_(exit) {}

} // namespace aio
