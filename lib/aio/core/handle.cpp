#include <aio/core/handle.hpp>

#include <utility>

#include <aio/core/errors.hpp>

namespace aio::detail {

void HandleState::run() noexcept {
    if (!cancelled_) {
        const ContextScope scope(context_);
        running_ = true;
        try {
            invoke();
        } catch (...) {
            loop_->report_current_exception("Exception in callback");
        }
        running_ = false;
        discard();
    }
    release();
}

void HandleState::cancel() noexcept {
    cancelled_ = true;
    if (running_) return;
    // The callable may own the last handle.
    const Ref<HandleState> keep(this);
    discard();
}

void ThreadsafeHandleState::cancel() noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(cancelled_, true) || begun_) return;
    }
    // Nobody else touches the callable of a cancelled handle. Destroyed without the lock, because its
    // destructor may wait for whatever it likes.
    discard();
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
    if (cancelled_) return;
    begun_ = true;
    const ContextScope scope(context_);
    try {
        invoke();
    } catch (...) {
        loop_->report_current_exception("Exception in callback");
    }
    discard();
}

void ThreadsafeHandleState::drop() noexcept {
    const std::shared_ptr<ThreadsafeHandleState> keep = std::move(self_);
    const std::lock_guard lock(mutex_);
    if (cancelled_) return;
    begun_ = true;
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
