#pragma once

/// `Condition`: waits under a lock until others say that something has changed (`asyncio.Condition`).
///
///     aio::Condition changed;
///
///     auto guard = co_await changed.guard();
///     co_await changed.wait_for([&] { return stock >= wanted; });
///     stock -= wanted;
///
///     auto guard = co_await changed.guard();     // elsewhere
///     stock += delivered;
///     changed.notify_all();
///
/// Use it where what is waited for is a statement about shared data. For one flag an `Event` is simpler, for
/// handing over values a `Queue` or a channel.

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <aio/core/coro.hpp>
#include <aio/sync/lock.hpp>
#include <aio/sync/operation.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio {

namespace detail {
class ConditionWait;

/// The condition's own list of the waits that have begun in it, beside the queue in which each is.
class ConditionMember : public ListNode {
protected:
    ConditionMember() = default;
    ~ConditionMember() = default;
};
} // namespace detail

/// A condition, with a lock of its own or one that it shares. Not movable. It belongs to the first loop in
/// which somebody waits for it.
class Condition {
public:
    Condition() : own_lock_(std::in_place), lock_(&*own_lock_) {}
    /// Uses `lock`, which must outlive it.
    explicit Condition(Lock& lock) noexcept : lock_(&lock) {}
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;
    ~Condition();

    // The lock's own operations, see there.
    [[nodiscard]] auto acquire() noexcept { return lock_->acquire(); }
    [[nodiscard]] auto guard() noexcept { return lock_->guard(); }
    void release() { lock_->release(); }
    [[nodiscard]] bool locked() const noexcept { return lock_->locked(); }

    /// Awaited, releases the lock, waits until it is notified, and takes the lock again; throws
    /// `RuntimeError` if the lock is not locked. However the wait ends, by cancellation too, the lock is
    /// taken before it returns or throws, whatever further cancellations come meanwhile; the latest of them
    /// is then thrown. A wait that was notified and then ends by a cancellation notifies another one in its
    /// place. It may return without a notification of its own: check what you wait for, or use `wait_for`.
    [[nodiscard]] detail::Operation<detail::ConditionWait, Condition> wait() noexcept;

    /// Waits, as `wait` does, until `predicate()` gives something that counts as true, and gives that.
    /// Returns at once if it does so already; `predicate` is called with the lock held. What it throws is
    /// thrown.
    template <class Predicate>
        requires std::predicate<std::decay_t<Predicate>&>
    [[nodiscard]] auto wait_for(Predicate&& predicate) {
        return wait_for_in_coro<std::decay_t<Predicate>>(*this, std::forward<Predicate>(predicate));
    }

    /// Has up to `count` of those who wait, the longest first, return as soon as they have the lock. Throws
    /// `RuntimeError` if the lock is not locked, or another loop is running.
    void notify(std::size_t count = 1);
    /// The same for all who wait.
    void notify_all();

private:
    friend detail::ConditionWait;

    template <class Predicate>
    static Coro<std::decay_t<std::invoke_result_t<Predicate&>>> wait_for_in_coro(Condition& self,
                                                                                 Predicate predicate) {
        auto result = std::invoke(predicate);
        while (!result) {
            co_await self.wait();
            result = std::invoke(predicate);
        }
        co_return result;
    }

    bool notify_one() noexcept;

    std::optional<Lock> own_lock_;
    Lock* lock_;
    detail::IntrusiveList<detail::ConditionMember> members_;
    detail::LoopBinding binding_{"Condition"};
    /// Those who have not been notified. Who has been is in the lock's queue.
    detail::WaitQueue waiters_{binding_};
};

namespace detail {

/// One wait, from one queue to the other without waking the task in between: the condition's queue, and when
/// that wait is over, for whatever reason, the lock's. In the second one it cannot be cancelled, only told,
/// so that the task gets the lock back in any case and nobody has to try again and again.
class ConditionWait final : public Waiter, private ConditionMember {
public:
    explicit ConditionWait(Condition& condition) noexcept
        : Waiter("Condition.wait"), condition_(&condition), lock_(condition.lock_) {}
    ~ConditionWait();

    [[nodiscard]] bool await_ready() const {
        if (!lock_->locked_) throw RuntimeError("Condition.wait: the lock is not acquired");
        return false;
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        lock_->binding_.bind(static_cast<TaskCore&>(caller.promise().stack()).loop());
        wait_in(condition_->waiters_, caller);
        condition_->members_.push_back(*this);
        lock_->give_back();
    }
    void await_resume();

    void end_wait() noexcept override;
    void orphan() noexcept override;
    /// Its notification has come: goes for the lock.
    void notify() noexcept {
        notified_ = true;
        go_for_lock();
    }

private:
    void go_for_lock() noexcept;
    bool on_cancel(const std::string& message) noexcept override;

    Condition* condition_;
    Lock* lock_;
    bool going_for_lock_ = false;
    bool notified_ = false;
    bool cancel_requested_ = false;
    bool condition_destroyed_ = false;
};

} // namespace detail

inline detail::Operation<detail::ConditionWait, Condition> Condition::wait() noexcept {
    return detail::Operation<detail::ConditionWait, Condition>(*this);
}

} // namespace aio
