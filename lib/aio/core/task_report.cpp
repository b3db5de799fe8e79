#include <aio/core/task_report.hpp>

#include <cstddef>
#include <source_location>

namespace aio::detail {
namespace {

/// Of very many tasks or frames nobody reads all.
constexpr std::size_t most_tasks = 50;
constexpr std::size_t most_frames = 20;

std::string describe_frame(const PromiseBase& frame) {
    const std::source_location& at = frame.latest_await();
    const std::source_location& known = at.line() != 0 ? at : frame.function();
    return std::string(frame.function().function_name()) + " at " + known.file_name() + ":" +
           std::to_string(known.line());
}

} // namespace

std::string describe_task(const TaskState& task) {
    std::string text = "Task '" + task.name() + "'";
    if (const Suspension* const suspension = task.waiting_on())
        text += " waits for " + suspension->description();
    else
        text += task.depth() == 0 ? " is done" : " is ready to run";
    std::size_t frames = 0;
    for (const PromiseBase* frame = task.top(); frame != nullptr; frame = frame->caller()) {
        if (++frames > most_frames) {
            text += "\n      ... and " + std::to_string(task.depth() - most_frames) + " more";
            break;
        }
        text += "\n      in " + describe_frame(*frame);
    }
    return text;
}

std::string describe_deadlock(const LoopState& loop) {
    std::string text =
        "deadlock: the run call waits for something that can never come, because nothing is left that could "
        "wake a task";
    if (loop.task_count == 0) return text + ", and there is no task";
    std::size_t tasks = 0;
    loop.tasks.for_each([&](const TaskState& task) {
        if (++tasks <= most_tasks) text += "\n  - " + describe_task(task);
    });
    if (tasks > most_tasks) text += "\n  - and " + std::to_string(tasks - most_tasks) + " more tasks";
    return text;
}

} // namespace aio::detail
