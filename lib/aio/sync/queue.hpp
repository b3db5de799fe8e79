#pragma once

/// `Queue`, `PriorityQueue`, `LifoQueue`: hand items from task to task (`asyncio.Queue`).
///
///     aio::Queue<Job> jobs(100);
///
///     co_await jobs.put(job);                 // producers; waits while the queue is full
///
///     while (true) {                          // consumers
///         Job job = co_await jobs.get();      // waits while it is empty
///         co_await work(job);
///         jobs.task_done();
///     }
///
///     co_await jobs.join();                   // until every job is done
///
/// For a stream of values that ends, from producers to consumers that come and go, see `channel.hpp`.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/sync/operation.hpp>
#include <aio/sync/queue_awaiters.hpp>
#include <aio/sync/queue_base.hpp>
#include <aio/sync/ring_buffer.hpp>

namespace aio {
namespace detail {

/// A queue of `T`, which may be move-only, kept in a `Store`. Not movable. It belongs to the first loop in
/// which somebody has to wait for it.
template <class T, class Store>
class BasicQueue : public QueueBase {
    using Get = QueueGet<BasicQueue, T>;
    using Put = QueuePut<BasicQueue, T>;

public:
    using value_type = T;

    /// How many items there are.
    [[nodiscard]] std::size_t qsize() const noexcept { return store_.size(); }
    [[nodiscard]] bool empty() const noexcept { return store_.size() == 0; }
    /// Whether there are `maxsize` items.
    [[nodiscard]] bool full() const noexcept { return !fits(store_.size()); }

    /// Awaited, takes an item out and gives it; waits while there is none. Throws `QueueShutDown` if the
    /// queue is shut down and empty. Cancelled while it waits, it takes no item. Who is woken by an item and
    /// finds that another task has taken it waits again, behind those who came meanwhile. Throws
    /// `RuntimeError` if the queue is bound to another loop, or is destroyed while this waits.
    [[nodiscard]] Operation<Get, BasicQueue> get() noexcept { return Operation<Get, BasicQueue>(*this); }

    /// Awaited, puts an item in; waits while the queue is full. Throws `QueueShutDown` if the queue is shut
    /// down, also while it waits. If it throws, by cancellation too, the item is not in the queue and is
    /// destroyed with the operation. `RuntimeError` as for `get`.
    [[nodiscard]] QueuePutOperation<BasicQueue, T> put(T item) {
        return QueuePutOperation<BasicQueue, T>(*this, std::move(item));
    }

    /// Takes an item out at once. Throws `QueueEmpty` if there is none, `QueueShutDown` if there is none and
    /// never will be, `RuntimeError` if another loop is running than the one the queue is bound to.
    T get_nowait() {
        check_can_get();
        if (empty()) throw QueueEmpty();
        return take();
    }

    /// Puts an item in at once. Throws `QueueFull` or `QueueShutDown`, and `RuntimeError` as above; the item
    /// has then not been moved from.
    void put_nowait(T&& item) {
        check_can_put();
        if (full()) throw QueueFull();
        add(std::move(item));
    }
    void put_nowait(const T& item) {
        T copy(item);
        put_nowait(std::move(copy));
    }

    /// Ends the queue: `put` throws `QueueShutDown` from now on, for those who wait in it too; `get` gives
    /// what there is, and then throws it as well. `immediate` throws away what there is, and counts it as
    /// done. May be called again. Throws `RuntimeError` if another loop is running.
    void shutdown(bool immediate = false) {
        check_here();
        const std::size_t dropped = immediate ? store_.size() : 0;
        this->close(dropped);
        if (immediate) store_.clear();
    }

protected:
    template <class... Args>
    explicit BasicQueue(std::ptrdiff_t maxsize, Args&&... store)
        : QueueBase(maxsize), store_(std::forward<Args>(store)...) {}
    ~BasicQueue() = default;

private:
    friend Get;
    friend Put;

    void check_can_get() const {
        check_here();
        if (is_shut_down() && empty()) throw QueueShutDown();
    }
    void check_can_put() const {
        check_here();
        check_not_shut_down();
    }
    T take() {
        T item = store_.pop();
        note_taken();
        return item;
    }
    void add(T&& item) {
        store_.push(std::move(item));
        note_put();
    }

    static Coro<T> get_slowly(BasicQueue& self) {
        while (self.empty()) {
            self.check_can_get();
            co_await QueueWait(self.getters(), "Queue.get");
        }
        co_return self.take();
    }
    static Coro<> wait_for_place(BasicQueue& self) {
        while (self.full()) {
            co_await QueueWait(self.putters(), "Queue.put");
            self.check_can_put();
        }
    }

    Store store_;
};

/// Last in, first out.
template <class T>
class LifoStore {
public:
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    void push(T&& item) { items_.push_back(std::move(item)); }
    T pop() {
        T item = std::move(items_.back());
        items_.pop_back();
        return item;
    }
    void clear() { const std::vector<T> dropped = std::exchange(items_, {}); }

private:
    std::vector<T> items_;
};

/// The item that comes before all others first.
template <class T, class Compare>
class PriorityStore {
public:
    explicit PriorityStore(Compare compare) : after_(std::move(compare)) {}
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    void push(T&& item) {
        items_.push_back(std::move(item));
        std::push_heap(items_.begin(), items_.end(), std::ref(after_));
    }
    T pop() {
        std::pop_heap(items_.begin(), items_.end(), std::ref(after_));
        T item = std::move(items_.back());
        items_.pop_back();
        return item;
    }
    void clear() { const std::vector<T> dropped = std::exchange(items_, {}); }

private:
    /// The standard's heaps have the greatest on top: what comes out first has to be the greatest.
    class After {
    public:
        explicit After(Compare compare) : compare_(std::move(compare)) {}
        bool operator()(const T& a, const T& b) { return static_cast<bool>(std::invoke(compare_, b, a)); }

    private:
        Compare compare_;
    };

    std::vector<T> items_;
    After after_;
};

} // namespace detail

/// First in, first out.
template <class T>
class Queue final : public detail::BasicQueue<T, detail::RingBuffer<T>> {
public:
    /// `maxsize` of 0 or less: without a limit.
    explicit Queue(std::ptrdiff_t maxsize = 0) : detail::BasicQueue<T, detail::RingBuffer<T>>(maxsize) {}
};

/// Last in, first out.
template <class T>
class LifoQueue final : public detail::BasicQueue<T, detail::LifoStore<T>> {
public:
    /// `maxsize` of 0 or less: without a limit.
    explicit LifoQueue(std::ptrdiff_t maxsize = 0) : detail::BasicQueue<T, detail::LifoStore<T>>(maxsize) {}
};

/// The smallest item first: `compare(a, b)` says that `a` comes out before `b`. Items of which neither comes
/// first come out in any order.
template <class T, class Compare = std::less<T>>
class PriorityQueue final : public detail::BasicQueue<T, detail::PriorityStore<T, Compare>> {
public:
    /// `maxsize` of 0 or less: without a limit.
    explicit PriorityQueue(std::ptrdiff_t maxsize = 0, Compare compare = Compare())
        : detail::BasicQueue<T, detail::PriorityStore<T, Compare>>(maxsize, std::move(compare)) {}
};

} // namespace aio
