#include <aio/core/future_state.hpp>

#include <utility>

#include <aio/core/error_context.hpp>
#include <aio/core/task_state.hpp>

namespace aio::detail {

FutureState::~FutureState() { abandon_callbacks(); }

void FutureState::report_unretrieved() noexcept {
    if (!std::exchange(unretrieved_, false)) return;
    ErrorContext context;
    context.message = std::string(kind()) + " exception was never retrieved";
    context.exception = exception_;
    if (TaskState* const task = as_task())
        task->report(context);
    else
        loop_->report(context);
}

void FutureState::abandon_callbacks() noexcept {
    while (FutureCallback* callback = callbacks_.pop_front()) callback->on_abandoned();
}

void FutureState::require_pending() const {
    if (done())
        throw InvalidStateError(std::string(kind()) + " is done already: its result can be set only once");
    if (!callbacks_.empty() && !loop_->closing) loop_->check_open();
}

void FutureState::complete(Status status) {
    status_ = status;
    const Ref<FutureState> keep(this);
    while (FutureCallback* callback = callbacks_.pop_front()) callback->on_done();
}

void FutureState::complete_cancelled(const std::string& message) {
    cancel_message_ = message;
    complete(Status::cancelled);
}

void FutureState::close_cancelled() noexcept {
    status_ = Status::cancelled;
    abandon_callbacks();
}

bool FutureState::cancel(const std::string& message) {
    if (done()) {
        unretrieved_ = false;
        return false;
    }
    require_pending();
    complete_cancelled(message);
    return true;
}

void FutureState::set_exception(std::exception_ptr error) {
    require_pending();
    if (!error) throw ValueError("set_exception: the exception is null");
    exception_ = std::move(error);
    unretrieved_ = true;
    complete(Status::finished);
}

void FutureState::set_cancelled_error(const std::string& message) {
    require_pending();
    exception_ = std::make_exception_ptr(CancelledError(message));
    failed_with_cancelled_ = true;
    complete(Status::finished);
}

std::exception_ptr FutureState::exception() {
    if (status_ == Status::pending)
        throw InvalidStateError(std::string(kind()) + ": exception is not set, it is still pending");
    if (status_ == Status::cancelled) throw CancelledError(cancel_message_);
    unretrieved_ = false;
    return exception_;
}

void FutureState::require_result() {
    if (status_ == Status::pending)
        throw InvalidStateError(std::string(kind()) + ": result is not ready, it is still pending");
    if (status_ == Status::cancelled) throw CancelledError(cancel_message_);
    unretrieved_ = false;
    if (exception_) std::rethrow_exception(exception_);
}

} // namespace aio::detail
