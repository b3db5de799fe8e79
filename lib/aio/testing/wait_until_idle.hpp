#pragma once

/// `wait_until_idle`: lets everything else run until it can go no further without time or the outside world.
///
///     aio::Task<> consumer = aio::create_task(consume(queue));
///     co_await aio::testing::wait_until_idle();    // the consumer waits for the queue now
///
/// What a test needs in place of a sleep that is long enough, mostly. (After Trio's
/// `wait_all_tasks_blocked`.)

#include <coroutine>
#include <string>

#include <aio/core/loop_state.hpp>
#include <aio/core/suspension.hpp>

namespace aio::testing {
namespace detail {

/// Waits until the loop would otherwise block.
class IdleAwaiter final : public aio::detail::Suspension, private aio::detail::IdleWaiter {
public:
    IdleAwaiter() noexcept = default;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        suspend(caller);
        loop().idle_waiters.push_back(*this);
    }
    void await_resume() { throw_if_cancelled(); }
    [[nodiscard]] std::string description() const override { return "wait_until_idle"; }

private:
    void on_idle() noexcept override { wake(); }
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }
};

} // namespace detail

/// Suspends the task until every other task of the loop waits for something, nothing is ready to run, a look
/// at all sockets has brought nothing, and no call in a thread or process and no request of the system is
/// under way. Timers are not waited for: with a `VirtualClock` this comes before its jump. Several tasks that
/// wait this way go on together. Cancellation ends the wait at once.
[[nodiscard]] inline detail::IdleAwaiter wait_until_idle() noexcept { return detail::IdleAwaiter(); }

} // namespace aio::testing
