#pragma once

/// Timeouts: a limit on how long a piece of code may take, however many awaits it has (`asyncio.timeout`).
///
///     co_await aio::with_timeout(5s, [&](aio::Timeout& timeout) -> aio::Coro<> {
///         co_await fetch("a");
///         timeout.reschedule(timeout.get_loop().time() + 5s);
///         co_await fetch("b");
///     });
///     std::string page = co_await aio::wait_for(fetch("c"), 2s);     // for one operation
///
/// When the time is up the task is cancelled inside the body, the body cleans up, and the cancellation
/// becomes a `TimeoutError` as it leaves the scope. Nested scopes and cancellations from outside do not get
/// mixed up.

#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/structure/scope_body.hpp>

namespace aio {

/// A scope with a deadline. Made by `with_timeout`; the body may look at it and move the deadline.
class Timeout {
public:
    /// A scope that lasts at most `delay` from when it is entered.
    explicit Timeout(Duration delay) : delay_(detail::to_duration(delay)) {}
    /// A scope that ends at `when`, on the loop's clock, or never.
    explicit Timeout(std::optional<TimePoint> when) : when_(when) {}
    Timeout(const Timeout&) = delete;
    Timeout& operator=(const Timeout&) = delete;
    ~Timeout() { stop_timer(); }

    /// The deadline; none if there is no limit, or the scope has not been entered and counts from then.
    [[nodiscard]] std::optional<TimePoint> when() const noexcept { return when_; }
    /// Moves the deadline, or removes it. Throws `RuntimeError` unless the scope is open and has not expired.
    void reschedule(std::optional<TimePoint> when);
    /// Whether the time ran out inside the scope.
    [[nodiscard]] bool expired() const noexcept {
        return state_ == State::expiring || state_ == State::expired;
    }
    /// The loop whose clock counts; throws `RuntimeError` before the scope is entered.
    [[nodiscard]] EventLoop& get_loop() const;

    // The two halves of `with_timeout`, for other ways to write a scope.

    /// Starts the clock for the current task. Throws `RuntimeError` outside of a task, or if it was entered
    /// before.
    void enter();
    /// Ends the scope. Turns the cancellation that this timeout caused into a `TimeoutError` with it as
    /// nested exception; throws any other `error`, if it is not null, as it is. Throws `RuntimeError` unless
    /// the scope is open.
    void exit(const std::exception_ptr& error);

private:
    enum class State { created, entered, expiring, expired, exited };
    void arm();
    void stop_timer() noexcept;
    void expire();
    [[nodiscard]] detail::CancelLedger& ledger() const noexcept;

    std::optional<Duration> delay_;
    std::optional<TimePoint> when_;
    EventLoop* loop_ = nullptr;
    detail::Ref<detail::FutureState> task_;
    /// Inside of which it was entered.
    detail::Ref<detail::ShieldLedger> shield_;
    TimerHandle timer_;
    /// In place of the timer, when there is no time left.
    Handle due_;
    detail::TaskState::ScopeRequest request_ = 0;
    unsigned cancelling_before_ = 0;
    State state_ = State::created;
};

namespace detail {

/// Throws a `TimeoutError` with this `CancelledError` as nested exception.
[[noreturn]] void throw_timeout_because_of(const std::exception_ptr& cancelled);

template <class Limit, class Body>
Coro<ScopeResult<Body, Timeout>> timeout_in_coro(Limit limit, Body body) {
    using T = ScopeResult<Body, Timeout>;
    Timeout timeout(limit);
    timeout.enter();
    BodyResult<T> result;
    co_await run_body<T>(body, timeout, result);
    timeout.exit(result.error);
    if constexpr (!std::is_void_v<T>) co_return unwrap_stored<T>(std::move(*result.value));
}
} // namespace detail

/// Runs `body(timeout)` in the current task, for at most `delay` from now on; gives its result. Throws
/// `TimeoutError` when the time ran out and the body ended by the cancellation that follows. A body that
/// never suspends is not interrupted.
template <class Rep, class Period, class Body>
    requires detail::ScopeBody<Body, Timeout>
[[nodiscard]] auto with_timeout(std::chrono::duration<Rep, Period> delay, Body&& body) {
    return detail::timeout_in_coro<Duration, std::decay_t<Body>>(detail::to_duration(delay),
                                                                 std::forward<Body>(body));
}
/// As above, without a limit until the body sets one with `reschedule`.
template <class Body>
    requires detail::ScopeBody<Body, Timeout>
[[nodiscard]] auto with_timeout(std::nullopt_t, Body&& body) {
    return detail::timeout_in_coro<std::optional<TimePoint>, std::decay_t<Body>>(std::nullopt,
                                                                                 std::forward<Body>(body));
}
/// As above, with a deadline on the loop's clock, or none (`asyncio.timeout_at`).
template <class Body>
    requires detail::ScopeBody<Body, Timeout>
[[nodiscard]] auto with_timeout_at(std::optional<TimePoint> when, Body&& body) {
    return detail::timeout_in_coro<std::optional<TimePoint>, std::decay_t<Body>>(when,
                                                                                 std::forward<Body>(body));
}

} // namespace aio
