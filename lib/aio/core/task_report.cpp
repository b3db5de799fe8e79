#include <aio/core/task_report.hpp>

#include <cstddef>

#include <aio/core/task_snapshot.hpp>
#include <aio/core/task_state.hpp>

namespace aio::detail {
namespace {

/// Of very many tasks or frames nobody reads all.
constexpr std::size_t most_tasks = 50;
constexpr int most_frames = 20;

std::string describe_task(TaskState& task) {
    const FutureSnapshot snapshot = take_snapshot(task.future(), most_frames);
    std::string text = describe(snapshot);
    for (const FrameCallGraphEntry& frame : snapshot.call_stack) text += "\n      in " + describe(frame);
    const std::size_t depth = task.depth();
    if (depth > snapshot.call_stack.size())
        text += "\n      ... and " + std::to_string(depth - snapshot.call_stack.size()) + " more";
    return text;
}

} // namespace

std::string describe_deadlock(const LoopState& loop) {
    std::string text =
        "deadlock: the run call waits for something that can never come, because nothing is left that could "
        "wake a task";
    if (loop.task_count == 0) return text + ", and there is no task";
    std::size_t tasks = 0;
    loop.tasks.for_each([&](TaskState& task) {
        if (++tasks <= most_tasks) text += "\n  - " + describe_task(task);
    });
    if (tasks > most_tasks) text += "\n  - and " + std::to_string(tasks - most_tasks) + " more tasks";
    return text;
}

} // namespace aio::detail
