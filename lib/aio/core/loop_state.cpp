#include <aio/core/loop_state.hpp>

#include <aio/core/error_context.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>

namespace aio::detail {

void LoopState::check_open() const {
    if (closed) throw RuntimeError("Event loop is closed");
}

EventLoop& LoopState::require_loop() const {
    if (loop == nullptr) throw RuntimeError("the event loop has been destroyed");
    return *loop;
}

void LoopState::report(const ErrorContext& context) noexcept {
    if (loop != nullptr)
        loop->call_exception_handler(context);
    else
        report_to_stderr(context);
}

void LoopState::report_current_exception(const char* message) noexcept {
    try {
        throw;
    } catch (const BaseError&) {
        escaped = std::current_exception();
    } catch (...) {
        ErrorContext context;
        context.message = message;
        context.exception = std::current_exception();
        if (current_task != nullptr) current_task->identify(context);
        report(context);
    }
}

} // namespace aio::detail
