#include <aio/executors/concurrent_state.hpp>

#include <algorithm>

#include <aio/core/error_context.hpp>
#include <aio/core/type_name.hpp>

namespace aio::detail {

void report_callback_exception(const std::exception_ptr& error) noexcept {
    ErrorContext context;
    context.message = "Exception in a callback of a concurrent future";
    context.exception = error;
    report_to_stderr(context);
}

ConcurrentState::Status ConcurrentState::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

bool ConcurrentState::cancel() {
    Status before;
    {
        const std::lock_guard lock(mutex_);
        if (status_ == Status::pending && !withdraw()) status_ = Status::running;
        before = status_;
        if (before == Status::pending) status_ = Status::cancelled;
    }
    switch (before) {
    case Status::pending:
        done_.notify_all();
        run_callbacks();
        return true;
    case Status::running: cancelled_while_running(); return false;
    case Status::finished: return false;
    case Status::cancelled: break;
    }
    return true;
}

bool ConcurrentState::set_running_or_notify_cancel() {
    const std::lock_guard lock(mutex_);
    if (status_ == Status::cancelled) return false;
    if (status_ != Status::pending) throw InvalidStateError("this future is running or done already");
    status_ = Status::running;
    return true;
}

bool ConcurrentState::begin() noexcept {
    const std::lock_guard lock(mutex_);
    if (status_ == Status::finished || status_ == Status::cancelled) return false;
    status_ = Status::running;
    return true;
}

bool ConcurrentState::wait(std::optional<std::chrono::steady_clock::time_point> deadline) const {
    std::unique_lock lock(mutex_);
    const auto done = [&] { return status_ == Status::finished || status_ == Status::cancelled; };
    if (deadline) return done_.wait_until(lock, *deadline, done);
    done_.wait(lock, done);
    return true;
}

void ConcurrentState::add_callback(std::shared_ptr<ConcurrentCallback> callback) {
    {
        const std::lock_guard lock(mutex_);
        if (status_ == Status::pending || status_ == Status::running) {
            callbacks_.push_back(std::move(callback));
            return;
        }
    }
    callback->on_completed();
}

void ConcurrentState::remove_callback(const ConcurrentCallback& callback) noexcept {
    // Destroyed after the lock, which comes later.
    std::shared_ptr<ConcurrentCallback> removed;
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(callbacks_, &callback, &std::shared_ptr<ConcurrentCallback>::get);
    if (found == callbacks_.end()) return;
    removed = std::move(*found);
    callbacks_.erase(found);
}

void ConcurrentState::run_callbacks() noexcept {
    std::vector<std::shared_ptr<ConcurrentCallback>> callbacks;
    {
        const std::lock_guard lock(mutex_);
        callbacks.swap(callbacks_);
    }
    for (const auto& callback : callbacks) callback->on_completed();
}

void ConcurrentState::fail(std::exception_ptr error) {
    finish([&] { exception_ = std::move(error); });
    run_callbacks();
}

void ConcurrentState::fail_unless_done(std::exception_ptr error) {
    if (store_exception_unless_done(std::move(error))) run_callbacks();
}

void ConcurrentState::require_unfinished() const {
    if (status_ == Status::finished || status_ == Status::cancelled)
        throw InvalidStateError("this future is done already: its result can be set only once");
}

void ConcurrentState::require_result() const {
    const std::lock_guard lock(mutex_);
    if (status_ == Status::cancelled) throw CancelledError();
    if (status_ != Status::finished) throw InvalidStateError("this future has no result yet");
    if (exception_) std::rethrow_exception(exception_);
}

std::exception_ptr ConcurrentState::exception() const {
    const std::lock_guard lock(mutex_);
    if (status_ == Status::cancelled) throw CancelledError();
    return exception_;
}

bool ConcurrentState::failed() const {
    const std::lock_guard lock(mutex_);
    return exception_ != nullptr;
}

void ConcurrentState::set_name(std::string name) {
    auto stored = std::make_unique<const std::string>(std::move(name));
    const std::lock_guard lock(mutex_);
    name_.swap(stored);
}

std::string ConcurrentState::name() const {
    const std::lock_guard lock(mutex_);
    return name_ ? *name_ : std::string();
}

std::string Call::describe() noexcept {
    try {
        std::string name = state().name();
        return name.empty() ? type_name(type()) : name;
    } catch (...) {
        return {};
    }
}

} // namespace aio::detail
