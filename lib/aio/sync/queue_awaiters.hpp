#pragma once

/// Getting from a queue and putting into one.
///
/// Where nothing has to be waited for, there is no more to it than the awaiter. Where there is, a coroutine
/// takes over, because it may take several waits: who is woken may find that somebody else was faster.

#include <coroutine>
#include <optional>
#include <utility>

#include <aio/core/coro.hpp>

namespace aio::detail {

/// `get`.
template <class Queue, class T>
class QueueGet final : public AwaiterTag {
public:
    explicit QueueGet(Queue& queue) noexcept : queue_(queue) {}
    QueueGet(const QueueGet&) = delete;
    QueueGet& operator=(const QueueGet&) = delete;

    [[nodiscard]] bool await_ready() const {
        queue_.check_can_get();
        return !queue_.empty();
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        slow_.emplace(Queue::get_slowly(queue_).release());
        slow_->await_suspend(caller);
    }
    T await_resume() {
        if (slow_) return slow_->await_resume();
        return queue_.take();
    }

private:
    Queue& queue_;
    std::optional<CoroAwaiter<T>> slow_;
};

/// `put`: owns the item until it is in the queue.
template <class Queue, class T>
class QueuePut final : public AwaiterTag {
public:
    QueuePut(Queue& queue, T&& item) : queue_(queue), item_(std::move(item)) {}
    QueuePut(const QueuePut&) = delete;
    QueuePut& operator=(const QueuePut&) = delete;

    [[nodiscard]] bool await_ready() const {
        queue_.check_can_put();
        return !queue_.full();
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        slow_.emplace(Queue::wait_for_place(queue_).release());
        slow_->await_suspend(caller);
    }
    void await_resume() {
        if (slow_) slow_->await_resume();
        queue_.add(std::move(item_));
    }

private:
    Queue& queue_;
    T item_;
    std::optional<CoroAwaiter<void>> slow_;
};

/// What `put` returns until it is awaited.
template <class Queue, class T>
class [[nodiscard("nothing happens until this is awaited")]] QueuePutOperation {
public:
    QueuePutOperation(Queue& queue, T&& item) : queue_(&queue), item_(std::move(item)) {}
    QueuePut<Queue, T> operator co_await() && { return QueuePut<Queue, T>(*queue_, std::move(item_)); }

private:
    Queue* queue_;
    T item_;
};

} // namespace aio::detail
