#pragma once

/// `sleep`: suspends the current task for a time (`asyncio.sleep`).
///
///     co_await aio::sleep(250ms);
///     co_await aio::sleep(0s);    // lets everything else that is ready run first

#include <chrono>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/clock.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/suspension.hpp>
#include <aio/core/timer_queue.hpp>

namespace aio {
namespace detail {

/// Waits for a point in time. The timer lies in the coroutine frame; nothing is allocated.
class SleepWait : public Suspension, public TimerNode {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        if (delay_ <= Duration::zero()) {
            yield();
        } else {
            LoopState& state = loop();
            state.timers.push(*this, state.clock->now() + delay_);
        }
    }

    [[nodiscard]] std::string description() const override { return "sleep"; }

protected:
    explicit SleepWait(Duration delay) noexcept : TimerNode(&on_due), delay_(delay) {}
    ~SleepWait() {
        if (armed()) loop().timers.remove(*this);
    }

private:
    static void on_due(TimerNode& node) noexcept { static_cast<SleepWait&>(node).wake(); }
    bool on_cancel(const std::string&) noexcept override {
        loop().timers.remove(*this);
        return wake_cancelled();
    }
    Duration delay_;
};

class SleepAwaiter final : public SleepWait {
public:
    explicit SleepAwaiter(Duration delay) noexcept : SleepWait(delay) {}
    void await_resume() { throw_if_cancelled(); }
};

/// Gives a value afterwards.
template <class T>
class SleepResultAwaiter final : public SleepWait {
public:
    SleepResultAwaiter(Duration delay, T result) : SleepWait(delay), result_(std::move(result)) {}
    T await_resume() {
        throw_if_cancelled();
        return std::move(result_);
    }

private:
    T result_;
};

/// What `sleep` returns: how long, until it is awaited.
class Sleep {
public:
    explicit Sleep(Duration delay) noexcept : delay_(delay) {}
    SleepAwaiter operator co_await() const noexcept { return SleepAwaiter(delay_); }

private:
    Duration delay_;
};

template <class T>
class SleepResult {
public:
    SleepResult(Duration delay, T result) : delay_(delay), result_(std::move(result)) {}
    SleepResultAwaiter<T> operator co_await() && { return SleepResultAwaiter<T>(delay_, std::move(result_)); }

private:
    Duration delay_;
    T result_;
};

} // namespace detail

/// Suspends the task for at least `delay`, never less, and lets others run meanwhile. Zero or a negative
/// delay gives way to everything that is ready now and then goes on. The time counts from the await, not from
/// this call. Throws `ValueError` if the delay is a floating NaN. Cancellation ends the sleep at once.
template <class Rep, class Period>
[[nodiscard]] detail::Sleep sleep(std::chrono::duration<Rep, Period> delay) {
    return detail::Sleep(detail::to_duration(delay));
}

/// As above; the await gives `result`.
template <class Rep, class Period, class T>
[[nodiscard]] detail::SleepResult<std::decay_t<T>> sleep(std::chrono::duration<Rep, Period> delay,
                                                         T&& result) {
    return detail::SleepResult<std::decay_t<T>>(detail::to_duration(delay), std::forward<T>(result));
}

} // namespace aio
