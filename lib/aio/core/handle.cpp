#include <aio/core/handle.hpp>

#include <aio/core/errors.hpp>

namespace aio::detail {

void HandleState::run() noexcept {
    if (!cancelled_) {
        const ContextScope scope(context_);
        try {
            invoke();
        } catch (...) {
            loop_->report_current_exception("Exception in callback");
        }
    }
    release();
}

void ThreadsafeHandleState::cancel() noexcept {
    const std::lock_guard lock(mutex_);
    cancelled_ = true;
}

bool ThreadsafeHandleState::cancelled() const noexcept {
    const std::lock_guard lock(mutex_);
    return cancelled_;
}

Context ThreadsafeHandleState::context() const {
    const std::lock_guard lock(mutex_);
    return context_;
}

void ThreadsafeHandleState::run() noexcept {
    const std::shared_ptr<ThreadsafeHandleState> keep = std::move(self_);
    const std::lock_guard lock(mutex_);
    const ContextScope scope(context_);
    if (!cancelled_) {
        try {
            invoke();
        } catch (...) {
            loop_->report_current_exception("Exception in callback");
        }
    }
    discard();
}

void ThreadsafeHandleState::drop() noexcept {
    const std::shared_ptr<ThreadsafeHandleState> keep = std::move(self_);
    const std::lock_guard lock(mutex_);
    discard();
}

void ThreadsafeHandleState::post(std::shared_ptr<ThreadsafeHandleState> state, Mailbox& mailbox) {
    ThreadsafeHandleState& item = *state;
    item.self_ = std::move(state);
    if (running_loop_state() == item.loop_) {
        // On the loop's own thread there is one queue for all callbacks, and they run in the order of the
        // calls.
        item.deliver();
        return;
    }
    if (mailbox.try_post(item)) return;
    item.self_.reset();
    throw RuntimeError("Event loop is closed");
}

} // namespace aio::detail
