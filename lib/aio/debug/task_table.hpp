#pragma once

/// The table of a loop's tasks (`python -m asyncio ps`).
///
///     std::fputs(aio::format_task_table(aio::task_table()).c_str(), stderr);
///
///     task    state            at                            awaited by
///     main    waits for Future aio::TaskGroup::exit task_...
///     reader  waits for sleep  read_line reader.cpp:12       main

#include <string>
#include <utility>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/debug/call_graph.hpp>

namespace aio {

/// A task that is not done.
class TaskTableRow : public FutureSnapshot {
public:
    TaskTableRow() = default;
    explicit TaskTableRow(FutureSnapshot snapshot) noexcept : FutureSnapshot(std::move(snapshot)) {}

    /// The names of the tasks that wait for it, directly or through futures such as that of `gather`; such a
    /// future itself, if no task waits for it.
    std::vector<std::string> awaited_by;
};

/// The tasks of `loop` that are not done, in the order in which they were started. `options.limit` is for
/// each call stack, `depth` for that of the current task. On the loop's thread.
[[nodiscard]] std::vector<TaskTableRow> task_table(const EventLoop& loop,
                                                   const CallGraphOptions& options = CallGraphOptions());
/// The same for the running loop. Throws `RuntimeError` if there is none.
[[nodiscard]] std::vector<TaskTableRow> task_table(const CallGraphOptions& options = CallGraphOptions());

/// The table as text, with a line for each task. Long entries are cut.
[[nodiscard]] std::string format_task_table(const std::vector<TaskTableRow>& table);

} // namespace aio
