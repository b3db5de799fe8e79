#pragma once

/// `Semaphore`, `BoundedSemaphore`: at most so many tasks at a time (`asyncio.Semaphore`).
///
///     aio::Semaphore connections(10);
///
///     aio::Coro<> download(std::string url) {
///         auto guard = co_await connections.guard();
///         co_await fetch(url);
///     }
///
/// A semaphore counts free units. It is fair: a unit that is released goes to whoever has waited longest, and
/// no newcomer can snatch it.

#include <coroutine>
#include <cstddef>

#include <aio/core/errors.hpp>
#include <aio/sync/guard.hpp>
#include <aio/sync/loop_binding.hpp>
#include <aio/sync/operation.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio {

class Semaphore;

namespace detail {
class SemaphoreWait;
class SemaphoreAcquire;
class SemaphoreGuard;
} // namespace detail

/// A semaphore without an upper limit: it may be released more often than it was acquired. Not movable. It
/// belongs to the first loop in which somebody has to wait for it.
class Semaphore {
public:
    using Guard = aio::Guard<Semaphore>;

    /// With so many units. Throws `ValueError` if that is negative.
    explicit Semaphore(std::ptrdiff_t value = 1);
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;

    /// Awaited, takes a unit: at once if there is one and nobody waits, otherwise in the order of waiting.
    /// Cancelled while it waits, it throws `CancelledError` and has no unit. A task to which a unit has been
    /// handed has it, even when it is cancelled before its turn. Throws `RuntimeError` if it has to wait and
    /// the semaphore is bound to another loop, or is destroyed meanwhile.
    [[nodiscard]] detail::Operation<detail::SemaphoreAcquire, Semaphore> acquire() noexcept;

    /// The same, and gives a guard that releases the unit when it is destroyed.
    [[nodiscard]] detail::Operation<detail::SemaphoreGuard, Semaphore> guard() noexcept;

    /// Adds a unit, or hands it to whoever has waited longest. Throws `RuntimeError` if another loop is
    /// running than the one the semaphore is bound to; on a `BoundedSemaphore`, `ValueError` if there would
    /// be more units than at first.
    void release();

    /// Whether `acquire` would have to wait: there is no unit, or others come first.
    [[nodiscard]] bool locked() const noexcept { return value_ == 0 || !waiters_.idle(); }

protected:
    Semaphore(const char* name, std::ptrdiff_t value, std::ptrdiff_t bound);

private:
    friend Guard;
    friend detail::SemaphoreWait;

    void give_back() noexcept;
    /// Hands out free units to those who wait.
    void hand_out() noexcept;

    detail::LoopBinding binding_;
    detail::WaitQueue waiters_{binding_};
    detail::HoldList holds_;
    /// Free units; those that have been handed to somebody are not counted, even before his turn.
    std::ptrdiff_t value_;
    std::ptrdiff_t bound_;
};

/// A semaphore that refuses to be released more often than it was acquired.
class BoundedSemaphore : public Semaphore {
public:
    /// With so many units, and never more. Throws `ValueError` if that is negative.
    explicit BoundedSemaphore(std::ptrdiff_t value = 1) : Semaphore("BoundedSemaphore", value, value) {}
};

namespace detail {

/// What the two ways to acquire a unit have in common.
class SemaphoreWait : public Waiter {
public:
    [[nodiscard]] bool await_ready() const noexcept { return !semaphore_->locked(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(semaphore_->waiters_, caller);
    }

protected:
    explicit SemaphoreWait(Semaphore& semaphore) noexcept
        : Waiter("Semaphore.acquire"), semaphore_(&semaphore) {}
    ~SemaphoreWait() {
        if (!has_turn()) return;
        leave();
        semaphore_->give_back();
    }
    void take();

    Semaphore* semaphore_;
};

class SemaphoreAcquire final : public SemaphoreWait {
public:
    explicit SemaphoreAcquire(Semaphore& semaphore) noexcept : SemaphoreWait(semaphore) {}
    void await_resume() { take(); }
};

class SemaphoreGuard final : public SemaphoreWait {
public:
    explicit SemaphoreGuard(Semaphore& semaphore) noexcept : SemaphoreWait(semaphore) {}
    Guard<Semaphore> await_resume() {
        take();
        return Guard<Semaphore>(*semaphore_);
    }
};

} // namespace detail

inline detail::Operation<detail::SemaphoreAcquire, Semaphore> Semaphore::acquire() noexcept {
    return detail::Operation<detail::SemaphoreAcquire, Semaphore>(*this);
}
inline detail::Operation<detail::SemaphoreGuard, Semaphore> Semaphore::guard() noexcept {
    return detail::Operation<detail::SemaphoreGuard, Semaphore>(*this);
}

} // namespace aio
