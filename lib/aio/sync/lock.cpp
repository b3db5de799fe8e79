#include <aio/sync/lock.hpp>

namespace aio {

void Lock::release() {
    if (!locked_) throw RuntimeError("Lock.release: the lock is not acquired");
    binding_.check_here();
    give_back();
}

void Lock::give_back() noexcept {
    locked_ = false;
    pass_on();
}

void Lock::line_up(detail::Waiter& waiter) noexcept {
    waiters_.push(waiter);
    pass_on();
}

namespace detail {

void LockWait::throw_gone() {
    throw RuntimeError("Lock.acquire: the lock was destroyed before its turn came");
}

} // namespace detail
} // namespace aio
