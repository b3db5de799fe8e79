#include <aio/core/coro.hpp>

#include <exception>

#include <aio/core/error_context.hpp>
#include <aio/core/loop_state.hpp>

namespace aio::detail {

void report_never_awaited(const std::source_location& function) noexcept {
    if (FrameStack::tearing_down() || std::uncaught_exceptions() > 0) return;
    ErrorContext context;
    context.message = "A coroutine was never awaited";
    context.created = function;
    if (LoopState* const loop = running_loop_state())
        loop->report(context);
    else
        report_to_stderr(context);
}

} // namespace aio::detail
