#pragma once

/// `Lock`: at most one task at a time (`asyncio.Lock`).
///
///     aio::Lock lock;
///
///     aio::Coro<> deposit(long amount) {
///         auto guard = co_await lock.guard();
///         const long before = co_await read_balance();
///         co_await write_balance(before + amount);
///     }
///
/// Tasks of one loop run one at a time anyway: a lock is needed only where others must be kept out across an
/// `co_await`. It is fair (the lock goes to whoever has waited longest), not reentrant, and has nothing to do
/// with threads.

#include <coroutine>

#include <aio/core/errors.hpp>
#include <aio/sync/guard.hpp>
#include <aio/sync/loop_binding.hpp>
#include <aio/sync/operation.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio {

class Condition;
class Lock;

namespace detail {
class LockWait;
class LockAcquire;
class LockGuard;
class ConditionWait;
} // namespace detail

/// A lock. Not movable. It belongs to the first loop in which somebody has to wait for it.
class Lock {
public:
    using Guard = aio::Guard<Lock>;

    Lock() noexcept = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

    /// Awaited, gives the lock to the awaiting task: at once if it is free and nobody waits, otherwise in the
    /// order of waiting. Cancelled while it waits, it throws `CancelledError` and does not have the lock. A
    /// task to which the lock has been given has it, even when it is cancelled before its turn. Throws
    /// `RuntimeError` if it has to wait and the lock is bound to another loop, or is destroyed meanwhile.
    [[nodiscard]] detail::Operation<detail::LockAcquire, Lock> acquire() noexcept;

    /// The same, and gives a guard that releases the lock when it is destroyed.
    [[nodiscard]] detail::Operation<detail::LockGuard, Lock> guard() noexcept;

    /// Unlocks, and wakes whoever has waited longest. Any task may do that. Throws `RuntimeError` if the lock
    /// is not locked, or another loop is running than the one it is bound to.
    void release();

    /// Whether a task has the lock. Between a release and the turn of the task that was woken by it this is
    /// false, but newcomers queue all the same.
    [[nodiscard]] bool locked() const noexcept { return locked_; }

private:
    friend Guard;
    friend Condition;
    friend detail::LockWait;
    friend detail::ConditionWait;

    [[nodiscard]] bool free_for_newcomers() const noexcept { return !locked_ && waiters_.idle(); }
    /// `release` by somebody who cannot be told about mistakes.
    void give_back() noexcept;
    /// Puts somebody last who is suspended already.
    void line_up(detail::Waiter& waiter) noexcept;
    /// Wakes the next one, if the lock is free and nobody is about to take it.
    void pass_on() noexcept {
        if (!locked_ && !waiters_.has_woken()) waiters_.wake_first();
    }

    detail::LoopBinding binding_{"Lock"};
    detail::WaitQueue waiters_{binding_};
    detail::HoldList holds_;
    bool locked_ = false;
};

namespace detail {

/// What the two ways to acquire a lock have in common.
class LockWait : public Waiter {
public:
    [[nodiscard]] bool await_ready() const noexcept { return lock_->free_for_newcomers(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(lock_->waiters_, caller);
    }

protected:
    explicit LockWait(Lock& lock) noexcept : Waiter("Lock.acquire"), lock_(&lock) {}
    ~LockWait() {
        if (!has_turn()) return;
        leave();
        lock_->pass_on();
    }
    void take() {
        if (waited() && !settle()) throw_gone();
        lock_->locked_ = true;
    }

    Lock* lock_;

private:
    [[noreturn]] static void throw_gone();
};

class LockAcquire final : public LockWait {
public:
    explicit LockAcquire(Lock& lock) noexcept : LockWait(lock) {}
    void await_resume() { take(); }
};

class LockGuard final : public LockWait {
public:
    explicit LockGuard(Lock& lock) noexcept : LockWait(lock) {}
    Guard<Lock> await_resume() {
        take();
        return Guard<Lock>(*lock_);
    }
};

} // namespace detail

inline detail::Operation<detail::LockAcquire, Lock> Lock::acquire() noexcept {
    return detail::Operation<detail::LockAcquire, Lock>(*this);
}
inline detail::Operation<detail::LockGuard, Lock> Lock::guard() noexcept {
    return detail::Operation<detail::LockGuard, Lock>(*this);
}

} // namespace aio
