#pragma once

/// What tasks are doing, as text for people. (Call graphs and task tables for programs to ask for are in the
/// debug room.)

#include <string>

#include <aio/core/loop_state.hpp>

namespace aio::detail {

/// The message of a `DeadlockError`: that nothing can happen any more, and for each task that waits its name,
/// what it waits for, and its coroutines, innermost first.
[[nodiscard]] std::string describe_deadlock(const LoopState& loop);

} // namespace aio::detail
