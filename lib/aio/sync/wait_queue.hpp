#pragma once

/// The one queue in which tasks wait for locks, events, semaphores, conditions, barriers, queues and
/// channels.
///
/// First come, first served, and nothing is allocated: the elements are the awaiters themselves, in the
/// frames of those who wait. What is given away when a waiter's turn comes (a lock, a unit, an item) is its
/// own from then on, because a cancellation that comes later does not take it away (see `suspension.hpp`).
/// So no primitive has to take back what it has given, with one exception: a loop that closes destroys frames
/// that were woken and have not run. Waiters therefore stay known as *woken* until they have run, and an
/// awaiter's destructor can tell that its turn has come and was not used.
///
/// A loop that closes destroys frames in no particular order, so the object may go before those who wait for
/// it: they are then unlinked, and nothing points to it any more. Outside of that, to destroy an object for
/// which tasks wait is a mistake of the program; they are woken with a `RuntimeError` that says so, rather
/// than left to sleep for ever.

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>

#include <aio/core/intrusive_list.hpp>
#include <aio/core/suspension.hpp>
#include <aio/sync/loop_binding.hpp>

namespace aio::detail {

class Waiter;
class WaitQueue;

/// Where a waiter is, for the queue and the waiter alone.
class WaiterLink : public ListNode {
protected:
    WaiterLink() = default;
    ~WaiterLink() = default;

private:
    friend WaitQueue;
    friend Waiter;
    enum class Place : std::uint8_t { outside, waiting, woken, orphaned, woken_and_orphaned };
    WaitQueue* queue_ = nullptr;
    Place place_ = Place::outside;
};

/// Base of the awaiters that wait in a `WaitQueue`.
class Waiter : public Suspension, public WaiterLink {
public:
    [[nodiscard]] std::string description() const override { return what_; }

    // What the queue calls.

    /// The waiter's turn has come.
    virtual void end_wait() noexcept { wake(); }
    /// The owner is being destroyed while this waits, and the task will be told.
    virtual void orphan() noexcept { wake(); }
    /// Whether all tasks are being destroyed, so that there is nobody to tell anything.
    [[nodiscard]] bool loop_is_closing() const noexcept { return loop().closing; }
    /// Leaves the queue, in whatever state.
    void leave() noexcept;

protected:
    /// `what` is what `description` says, a literal.
    explicit Waiter(const char* what) noexcept : what_(what) {}
    ~Waiter() { leave(); }

    /// To be called from `await_suspend`: suspends the task and puts this last in `queue`. Throws
    /// `RuntimeError`, and does nothing, if the queue's owner is bound to another loop.
    template <class Promise>
    void wait_in(WaitQueue& queue, std::coroutine_handle<Promise> caller);

    /// To be called first in `await_resume`, when the task has waited: leaves the queue. Throws
    /// `CancelledError`, or `RuntimeError` if the owner was destroyed before it woke this. Otherwise says
    /// whether the owner is still there.
    bool settle();

    /// Whether this has been woken, has not settled, and the owner is still there.
    [[nodiscard]] bool has_turn() const noexcept { return place_ == Place::woken; }

    bool on_cancel(const std::string&) noexcept override {
        leave();
        return wake_cancelled();
    }

private:
    [[noreturn]] void throw_orphaned() const;
    const char* what_;
};

/// The queue. It has its owner's lifetime.
class WaitQueue {
public:
    explicit WaitQueue(LoopBinding& binding) noexcept : binding_(binding) {}
    ~WaitQueue();
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;

    /// Nobody waits; there may be some that have been woken.
    [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
    /// The number of those who wait.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Whether somebody has been woken and has not had his turn.
    [[nodiscard]] bool has_woken() const noexcept { return !woken_.empty(); }
    /// Nobody waits, and nobody has been woken without having had his turn.
    [[nodiscard]] bool idle() const noexcept { return empty() && !has_woken(); }
    /// The one who has waited longest, or null.
    [[nodiscard]] Waiter* front() const noexcept { return waiting_.front(); }
    [[nodiscard]] LoopBinding& binding() const noexcept { return binding_; }

    /// Adds a waiter that has been suspended already, and is nowhere else.
    void push(Waiter& waiter) noexcept {
        waiter.queue_ = this;
        waiter.place_ = WaiterLink::Place::waiting;
        waiting_.push_back(waiter);
        ++size_;
    }
    /// Wakes the first waiter, which stays known as woken until it has settled. False: nobody waits.
    bool wake_first() noexcept;
    /// Wakes the first waiter, which then has no more to do with this queue. False: nobody waits.
    bool release_first() noexcept;
    /// The same for everybody who waits now.
    void release_all() noexcept {
        while (release_first()) {
        }
    }

private:
    friend Waiter;
    LoopBinding& binding_;
    IntrusiveList<Waiter> waiting_;
    IntrusiveList<Waiter> woken_;
    std::size_t size_ = 0;
};

template <class Promise>
void Waiter::wait_in(WaitQueue& queue, std::coroutine_handle<Promise> caller) {
    queue.binding().bind(static_cast<TaskCore&>(caller.promise().stack()).loop());
    suspend(caller);
    queue.push(*this);
}

} // namespace aio::detail
