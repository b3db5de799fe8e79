#pragma once

/// What all queues have in common, apart from what is in them.

#include <coroutine>
#include <cstddef>
#include <stdexcept>

#include <aio/sync/loop_binding.hpp>
#include <aio/sync/operation.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio {

/// `get_nowait` found the queue empty.
class QueueEmpty : public std::runtime_error {
public:
    QueueEmpty() : std::runtime_error("the queue is empty") {}
};

/// `put_nowait` found the queue full.
class QueueFull : public std::runtime_error {
public:
    QueueFull() : std::runtime_error("the queue is full") {}
};

/// The queue has been shut down: it takes nothing more, and gives nothing that it does not have.
class QueueShutDown : public std::runtime_error {
public:
    QueueShutDown() : std::runtime_error("the queue has been shut down") {}
};

namespace detail {

class QueueJoin;

/// Who waits for a queue, and how much is unfinished.
///
/// A waiter that is woken has only been told that it is worth looking: a newcomer may be faster, and then it
/// waits again. Each item put and each place made wakes one waiter, each of which looks when its turn comes,
/// so there are never both an item and somebody who waits for one without a reason to wake.
class QueueBase {
public:
    QueueBase(const QueueBase&) = delete;
    QueueBase& operator=(const QueueBase&) = delete;

    /// How many items fit; 0 or less: any number.
    [[nodiscard]] std::ptrdiff_t maxsize() const noexcept { return maxsize_; }

    /// An item that was got has been dealt with. Throws `ValueError` if that was said for more items than
    /// were put, `RuntimeError` if another loop is running than the one the queue is bound to.
    void task_done();

    /// Awaited, waits until `task_done` has been called for every item that was put; returns at once if that
    /// is so already. Cancellation ends the wait.
    [[nodiscard]] Operation<QueueJoin, QueueBase> join() noexcept;

protected:
    explicit QueueBase(std::ptrdiff_t maxsize) noexcept : maxsize_(maxsize) {}
    ~QueueBase() = default;

    [[nodiscard]] bool fits(std::size_t size) const noexcept {
        return maxsize_ <= 0 || size < static_cast<std::size_t>(maxsize_);
    }
    [[nodiscard]] bool is_shut_down() const noexcept { return shut_down_; }
    void check_not_shut_down() const {
        if (shut_down_) throw QueueShutDown();
    }
    void check_here() const { binding_.check_here(); }
    /// An item has been put: wakes one who waits for one.
    void note_put() noexcept {
        ++unfinished_;
        getters_.wake_first();
    }
    /// An item has been taken: wakes one who has one to put.
    void note_taken() noexcept { putters_.wake_first(); }
    /// Refuses what comes, and wakes everybody to see that. `dropped`: so many items have been thrown away.
    void close(std::size_t dropped) noexcept;

    [[nodiscard]] WaitQueue& getters() noexcept { return getters_; }
    [[nodiscard]] WaitQueue& putters() noexcept { return putters_; }

private:
    friend QueueJoin;
    void finish(std::size_t count) noexcept;

    LoopBinding binding_{"Queue"};
    WaitQueue getters_{binding_};
    WaitQueue putters_{binding_};
    WaitQueue joiners_{binding_};
    std::ptrdiff_t maxsize_;
    std::size_t unfinished_ = 0;
    bool shut_down_ = false;
};

/// Waits until something has changed that makes it worth looking again.
class QueueWait final : public Waiter {
public:
    QueueWait(WaitQueue& queue, const char* what) noexcept : Waiter(what), waiting_in_(queue) {}
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(waiting_in_, caller);
    }
    void await_resume();

private:
    WaitQueue& waiting_in_;
};

/// `join`.
class QueueJoin final : public Waiter {
public:
    explicit QueueJoin(QueueBase& queue) noexcept : Waiter("Queue.join"), queue_(queue) {}
    [[nodiscard]] bool await_ready() const noexcept { return queue_.unfinished_ == 0; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(queue_.joiners_, caller);
    }
    void await_resume() {
        if (waited()) settle();
    }

private:
    QueueBase& queue_;
};

inline Operation<QueueJoin, QueueBase> QueueBase::join() noexcept {
    return Operation<QueueJoin, QueueBase>(*this);
}

} // namespace detail
} // namespace aio
