#pragma once

/// What tasks are doing, as text for people.

#include <string>

#include <aio/core/loop_state.hpp>
#include <aio/core/task_state.hpp>

namespace aio::detail {

/// One task: its name and what it waits for, then a line for each of its coroutines, innermost first.
[[nodiscard]] std::string describe_task(const TaskState& task);

/// The message of a `DeadlockError`: that nothing can happen any more, and each task that waits.
[[nodiscard]] std::string describe_deadlock(const LoopState& loop);

} // namespace aio::detail
