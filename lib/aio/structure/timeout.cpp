#include <aio/structure/timeout.hpp>

#include <aio/structure/exception_group.hpp>

namespace aio {

void detail::throw_timeout_because_of(const std::exception_ptr& cancelled) {
    try {
        std::rethrow_exception(cancelled);
    } catch (const CancelledError&) {
        std::throw_with_nested(TimeoutError());
    }
}

EventLoop& Timeout::get_loop() const {
    if (loop_ == nullptr) throw RuntimeError("this Timeout has not been entered");
    return *loop_;
}

void Timeout::enter() {
    if (state_ != State::created) throw RuntimeError("this Timeout has been entered already");
    EventLoop& loop = get_running_loop();
    const AnyTask task = loop.current_task();
    if (!task)
        throw RuntimeError("a Timeout needs a task to cancel: it cannot be entered from a plain callback");
    loop_ = &loop;
    task_ = detail::Ref<detail::FutureState>(&task.state());
    shield_ = task.task().shield();
    cancelling_before_ = ledger().requests;
    state_ = State::entered;
    if (delay_) when_ = loop.time() + *delay_;
    arm();
}

detail::CancelLedger& Timeout::ledger() const noexcept { return task_->as_task()->ledger_of(shield_); }

void Timeout::arm() {
    stop_timer();
    if (!when_) return;
    const auto on_due = [this] { expire(); };
    // What is due already comes before whatever the body queues from now on; a timer would come after it.
    if (*when_ <= loop_->time())
        due_ = loop_->call_soon(Context(), on_due);
    else
        timer_ = loop_->call_at(Context(), *when_, on_due);
}

void Timeout::stop_timer() noexcept {
    timer_.cancel();
    due_.cancel();
}

void Timeout::reschedule(std::optional<TimePoint> when) {
    switch (state_) {
    case State::created: throw RuntimeError("cannot reschedule a Timeout that has not been entered");
    case State::expiring: throw RuntimeError("cannot reschedule a Timeout that is expiring");
    case State::expired:
    case State::exited: throw RuntimeError("cannot reschedule a Timeout that is finished");
    case State::entered: break;
    }
    when_ = when;
    arm();
}

void Timeout::expire() {
    if (state_ != State::entered) return;
    request_ = task_->as_task()->request_cancel_of_scope(ledger());
    state_ = State::expiring;
}

void Timeout::exit(const std::exception_ptr& error) {
    if (state_ != State::entered && state_ != State::expiring)
        throw RuntimeError("this Timeout is not open: it was never entered, or left before");
    stop_timer();
    if (state_ == State::expiring) {
        state_ = State::expired;
        const bool ours = task_->as_task()->uncancel_of_scope(ledger(), request_) <= cancelling_before_;
        if (ours && detail::kind_of(error) == detail::ExceptionKind::cancelled)
            detail::throw_timeout_because_of(error);
    } else {
        state_ = State::exited;
    }
    if (error) std::rethrow_exception(error);
}

} // namespace aio
