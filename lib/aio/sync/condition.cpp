#include <aio/sync/condition.hpp>

namespace aio {

Condition::~Condition() {
    while (members_.pop_front() != nullptr) {
    }
}

bool Condition::notify_one() noexcept {
    detail::Waiter* const waiter = waiters_.front();
    if (waiter == nullptr) return false;
    static_cast<detail::ConditionWait*>(waiter)->notify();
    return true;
}

void Condition::notify(std::size_t count) {
    if (!locked()) throw RuntimeError("Condition.notify: the lock is not acquired");
    binding_.check_here();
    while (count > 0 && notify_one()) --count;
}

void Condition::notify_all() { notify(waiters_.size()); }

namespace detail {

ConditionWait::~ConditionWait() {
    if (!has_turn()) return;
    leave();
    lock_->pass_on();
}

void ConditionWait::go_for_lock() noexcept {
    going_for_lock_ = true;
    leave();
    lock_->line_up(*this);
}

void ConditionWait::end_wait() noexcept {
    if (cancel_requested_)
        wake_cancelled();
    else
        wake();
}

void ConditionWait::orphan() noexcept {
    if (going_for_lock_) {
        // The lock is gone: nothing is left to wait for.
        end_wait();
        return;
    }
    condition_destroyed_ = true;
    go_for_lock();
}

bool ConditionWait::on_cancel(const std::string&) noexcept {
    cancel_requested_ = true;
    if (!going_for_lock_) go_for_lock();
    return true;
}

void ConditionWait::await_resume() {
    const bool condition_alive = ConditionMember::linked();
    ConditionMember::unlink();
    const bool has_lock = has_turn();
    if (has_lock) lock_->locked_ = true;
    if (cancel_requested_ && notified_ && condition_alive && has_lock) condition_->notify_one();
    const bool lock_alive = settle();
    if (condition_destroyed_)
        throw RuntimeError("Condition.wait: the condition was destroyed while a task waited for it");
    if (!lock_alive) throw RuntimeError("Condition.wait: the lock was destroyed before its turn came");
}

} // namespace detail
} // namespace aio
