#pragma once

/// What `as_completed` is made of: futures in the order in which they end, for whoever waits for the next.

#include <coroutine>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/core/frame_pool.hpp>
#include <aio/core/future_state.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>
#include <aio/core/timer_queue.hpp>

namespace aio::detail {

class CompletionQueue;

/// Waits for the next future that is done. What it gets is assigned to it when it is woken, so a cancellation
/// that comes after that takes nothing from the queue for nobody.
class CompletionWait : public Suspension, public ListNode {
public:
    explicit CompletionWait(Ref<CompletionQueue> queue) noexcept : queue_(std::move(queue)) {}
    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        check_loop(static_cast<TaskCore&>(caller.promise().stack()));
        suspend(caller);
        enqueue();
    }
    [[nodiscard]] std::string description() const override { return "as_completed, the next"; }

    // For the queue: what this step gives; and, if it had to wait for that, its end.
    void give(Ref<FutureState> future) noexcept { future_ = std::move(future); }
    void give_timeout() noexcept { timed_out_ = true; }
    void end() noexcept {
        unlink();
        wake();
    }

protected:
    ~CompletionWait() = default;
    /// For `await_resume`: the future, or null at the end. Throws `CancelledError` or `TimeoutError`.
    Ref<FutureState> take();

private:
    void check_loop(const TaskCore& waiting) const;
    void enqueue() noexcept;
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }
    Ref<CompletionQueue> queue_;
    Ref<FutureState> future_;
    bool timed_out_ = false;
};

/// The queue. Held by the `AsCompleted` and by those who wait; when all have gone it unlinks from the
/// futures.
class CompletionQueue final : public RefCounted, public PoolAllocated, private TimerNode {
public:
    /// Each future once. Throws `ValueError` if they belong to different loops.
    CompletionQueue(std::vector<Ref<FutureState>> futures, std::optional<Duration> limit);
    ~CompletionQueue() override;

    /// How many steps there are before the end.
    [[nodiscard]] std::size_t remaining() const noexcept { return remaining_; }

private:
    friend class CompletionWait;
    /// A future and its callback, which is in the future's list until it is done, then in the queue.
    class Child final : public FutureCallback {
    public:
        Child() = default;
        CompletionQueue* queue = nullptr;
        Ref<FutureState> future;

    private:
        void on_done() noexcept override { queue->child_done(*this); }
        void on_abandoned() noexcept override {}
        void list_waiters(std::vector<FutureState*>& waiters) const override {
            queue->waiters_.for_each(
                [&](const CompletionWait& wait) { waiters.push_back(wait.waiting_future()); });
        }
    };

    void child_done(Child& child) noexcept;
    void expire() noexcept;
    /// Gives `wait` what its step is to give; false if it has to wait for that.
    [[nodiscard]] bool assign(CompletionWait& wait) noexcept;
    void serve_waiters() noexcept;
    void stop_timer() noexcept;

    /// Null if there are no futures.
    Ref<LoopState> loop_;
    std::vector<Child> children_;
    IntrusiveList<Child> done_;
    IntrusiveList<CompletionWait> waiters_;
    std::size_t remaining_;
    std::size_t unfinished_;
    bool expired_ = false;
};

} // namespace aio::detail
