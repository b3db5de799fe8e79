#include <aio/executors/process_errors.hpp>

#include <utility>

namespace aio {

WorkerCrashed::WorkerCrashed(int pid, const WorkerExit& exit)
    : RuntimeError("the worker process " + std::to_string(pid) + " " + exit.description() +
                   " while it ran this call" + exit.last_words()),
      pid_(pid),
      exit_(exit) {}

namespace {

std::string describe(const std::vector<WorkerEnd>& ends) {
    std::string text =
        "each of " + std::to_string(ends.size()) + " worker processes died while it ran this call";
    for (const WorkerEnd& end : ends) text += "; " + std::to_string(end.pid) + " " + end.exit.description();
    return text;
}

} // namespace

PoisonTask::PoisonTask(std::vector<WorkerEnd> ends)
    : WorkerCrashed(describe(ends), ends.back()), ends_(std::move(ends)) {}

} // namespace aio
