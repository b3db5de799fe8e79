#pragma once

/// Tells the loop's exception handler of an error met below libuv, or in the middle of somebody's own
/// affairs: no code of users may run there, since it may destroy whatever is at work.

#include <exception>

namespace aio::detail {

class LoopState;

/// The handler is called from the loop, in its next turn. `message` is a literal. Without memory for that
/// nobody can be told.
void report_soon(LoopState& loop, std::exception_ptr error, const char* message) noexcept;

} // namespace aio::detail
