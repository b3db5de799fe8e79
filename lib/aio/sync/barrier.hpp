#pragma once

/// `Barrier`: tasks wait for each other until there are so many (`asyncio.Barrier`).
///
///     aio::Barrier barrier(3);
///     const std::size_t place = co_await barrier.wait();     // in three tasks: 0, 1 and 2
///
/// A barrier can be used again and again: when all have left, it fills anew.

#include <coroutine>
#include <cstddef>
#include <stdexcept>

#include <aio/sync/loop_binding.hpp>
#include <aio/sync/operation.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio {

namespace detail {
class BarrierWait;
}

/// The barrier has been reset or aborted, and the others will not come.
class BrokenBarrierError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A barrier. Not movable. It belongs to the first loop in which somebody has to wait for it.
class Barrier {
public:
    /// For so many tasks. Throws `ValueError` for 0.
    explicit Barrier(std::size_t parties);
    Barrier(const Barrier&) = delete;
    Barrier& operator=(const Barrier&) = delete;

    /// Awaited, waits until `parties` tasks do, and gives the task's place among them: 0 to `parties - 1`, in
    /// the order of arrival. The last one does not wait. Whoever comes while the tasks of the last round are
    /// still leaving belongs to the next round. Throws `BrokenBarrierError` if the barrier is aborted, or
    /// reset while it fills. Cancelled while it waits, the task counts no more, and the others go on waiting.
    /// Throws `RuntimeError` if it has to wait and the barrier is bound to another loop, or is destroyed
    /// meanwhile.
    [[nodiscard]] detail::Operation<detail::BarrierWait, Barrier> wait() noexcept;

    // In asyncio the next two are coroutines; they have nothing to wait for. Both throw `RuntimeError` if
    // another loop is running than the one the barrier is bound to.

    /// Makes the barrier empty: those who wait in a round that is not complete get a `BrokenBarrierError`.
    /// Repairs a barrier that was aborted.
    void reset();
    /// Breaks the barrier: those who wait get a `BrokenBarrierError`, and so does whoever comes, until a
    /// `reset`.
    void abort();

    /// How many tasks it takes.
    [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
    /// How many wait for the others; 0 while they are leaving.
    [[nodiscard]] std::size_t n_waiting() const noexcept { return round_.size(); }
    /// Whether it was aborted.
    [[nodiscard]] bool broken() const noexcept { return broken_; }

private:
    friend detail::BarrierWait;
    /// The tasks of a round that is over have not all left.
    [[nodiscard]] bool draining() const noexcept { return round_.has_woken(); }
    void complete_round() noexcept;
    void break_all(detail::WaitQueue& queue) noexcept;
    /// Somebody has left. After the last one, those who came in the meantime are let in.
    void let_in() noexcept;

    detail::LoopBinding binding_{"Barrier"};
    /// Those who wait in the present round; they stay known as woken until they have left.
    detail::WaitQueue round_{binding_};
    /// Those who came while the last round was leaving.
    detail::WaitQueue outside_{binding_};
    std::size_t parties_;
    bool broken_ = false;
};

namespace detail {

class BarrierWait final : public Waiter {
public:
    explicit BarrierWait(Barrier& barrier) noexcept : Waiter("Barrier.wait"), barrier_(&barrier) {}
    ~BarrierWait();

    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(barrier_->draining() ? barrier_->outside_ : barrier_->round_, caller);
    }
    std::size_t await_resume();

private:
    friend Barrier;
    [[noreturn]] static void throw_broken();
    Barrier* barrier_;
    std::size_t place_in_round_ = 0;
    bool broken_ = false;
};

} // namespace detail

inline detail::Operation<detail::BarrierWait, Barrier> Barrier::wait() noexcept {
    return detail::Operation<detail::BarrierWait, Barrier>(*this);
}

} // namespace aio
