#pragma once

/// `CancelScope`: a stretch of code that can be cancelled as a whole, and for good.
///
///     auto page = co_await aio::with_cancel_scope([&](aio::CancelScope& scope) -> aio::Coro<std::string> {
///         cancel_button.on_click([&] { scope.cancel("the user has lost interest"); });
///         co_return co_await fetch("a");
///     });
///     if (!page) std::puts("cancelled");
///
/// asyncio's cancellation is a single shot: it hits one await, and code that swallows it, by a `catch (...)`
/// perhaps, lives on as if nothing had happened. A scope that is cancelled stays cancelled: every await
/// inside it that would suspend throws `CancelledError`, until the scope is left; there the exception stops,
/// and the code after the scope goes on. The idea is Trio's, and so are the words.
///
/// What is inside: the body, the scopes and groups opened in it, and the tasks of those groups, wherever they
/// are just now. Not inside: tasks made by `create_task`, `gather` or `shield`, which have lives of their
/// own; a wait for one of those ends, as asyncio's do, by cancelling it and waiting until it has ended.
///
/// A scope that *shields* protects its body from everything outside: scopes around it, and requests to the
/// task (`Task.cancel`, a timeout or group around it, Ctrl-C). These are kept, and hit the first suspension
/// after the shield. What is opened inside, a timeout for instance, works there as anywhere:
///
///     co_await aio::with_cancel_scope(aio::ScopeOptions().shield().timeout(5s),
///                                     [&](aio::CancelScope&) -> aio::Coro<> { co_await connection.close(); });
///
/// How it meets asyncio's rules. `Task.cancel` on a task inside a scope is a request as ever: counted,
/// delivered once, passed on by the scope, which catches only its own. An await that has its value already
/// returns it; the next one throws. `Condition.wait` takes its lock back before it throws, without being
/// disturbed, and a group that is being cancelled joins its tasks in peace. Code inside a cancelled scope
/// that swallows the exception in an endless loop keeps a processor busy, but the loop goes on.

#include <chrono>
#include <concepts>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/core/cancel_state.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/structure/scope_body.hpp>

namespace aio {

/// Options of a scope; setters can be chained.
class ScopeOptions {
public:
    ScopeOptions() = default;

    /// Cancels the scope when it has been open for this long.
    template <class Rep, class Period>
    ScopeOptions& timeout(std::chrono::duration<Rep, Period> time) {
        timeout_ = detail::to_duration(time);
        return *this;
    }
    /// Cancels the scope at this time on the loop's clock; or never.
    ScopeOptions& deadline(std::optional<TimePoint> when) {
        deadline_ = when;
        timeout_.reset();
        return *this;
    }
    /// Protects the body from cancellations from outside.
    ScopeOptions& shield(bool yes = true) noexcept {
        shield_ = yes;
        return *this;
    }

    [[nodiscard]] std::optional<Duration> timeout() const noexcept { return timeout_; }
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept { return deadline_; }
    [[nodiscard]] bool shield() const noexcept { return shield_; }

private:
    std::optional<Duration> timeout_;
    std::optional<TimePoint> deadline_;
    bool shield_ = false;
};

/// A scope. Made by `with_cancel_scope`, or beforehand, to be cancelled from elsewhere. Entered once. It may
/// be used on its loop's thread only.
class CancelScope : private detail::ScopeState, private detail::TimerNode {
public:
    CancelScope() : CancelScope(ScopeOptions()) {}
    explicit CancelScope(const ScopeOptions& options);
    ~CancelScope();

    /// Cancels it: what waits inside is broken off, and every further wait. Before the scope is entered this
    /// acts on entering. Does nothing when it is cancelled already, or has been left.
    void cancel(const std::string& reason = {});
    /// Whether it was cancelled, by `cancel` or its deadline.
    [[nodiscard]] bool cancel_called() const noexcept { return ScopeState::cancelled; }
    /// Whether it was left because of that: the body ended with the `CancelledError`, which stopped here.
    [[nodiscard]] bool cancelled_caught() const noexcept { return caught_; }
    /// The text given to `cancel`; it is the message of the `CancelledError` as well.
    [[nodiscard]] const std::string& reason() const noexcept { return ScopeState::reason; }

    /// The deadline; none if there is no limit, or it counts from entering.
    [[nodiscard]] std::optional<TimePoint> deadline() const noexcept { return deadline_; }
    /// Moves the deadline, or removes it. One that has passed cancels at once. Has no effect on a scope that
    /// is cancelled already. Throws `RuntimeError` if the scope has been left.
    void set_deadline(std::optional<TimePoint> when);

    // The two halves of `with_cancel_scope`, for other ways to write a scope. `exit` must be called exactly
    // once after `enter`, in the same task, and scopes are left in the reverse of the order in which they
    // were entered.

    /// Opens the scope for the current task. Throws `RuntimeError` outside of a task, or if it was entered
    /// before.
    void enter();
    /// Leaves the scope. Drops `error` if it is the cancellation of this scope and of nothing else, and
    /// rethrows any other. Throws `RuntimeError` if a scope inside it is still open, or in another task.
    void exit(const std::exception_ptr& error);

private:
    static void on_deadline(TimerNode& node) noexcept;
    void arm();
    void disarm() noexcept;
    void leave() noexcept;
    static void look_around_from(ScopeState& outermost);
    [[nodiscard]] detail::TaskState& task() const noexcept { return *task_->as_task(); }

    std::optional<Duration> timeout_;
    std::optional<TimePoint> deadline_;
    detail::Ref<detail::LoopState> loop_;
    /// Of the task that has entered it; null before and afterwards.
    detail::Ref<detail::FutureState> task_;
    /// The shield around this scope, and its own if it is one.
    detail::Ref<detail::ShieldLedger> outer_shield_;
    unsigned requests_before_ = 0;
    bool entered_ = false;
    bool caught_ = false;
};

namespace detail {

template <class Body>
Coro<std::conditional_t<std::is_void_v<ScopeResult<Body, CancelScope>>, bool,
                        std::optional<Stored<ScopeResult<Body, CancelScope>>>>>
cancel_scope_in_coro(CancelScope& scope, Body& body) {
    using T = ScopeResult<Body, CancelScope>;
    static_assert(!std::is_reference_v<T>, "the body of a cancel scope must give a value, not a reference");
    scope.enter();
    BodyResult<T> result;
    co_await run_body<T>(body, scope, result);
    scope.exit(result.error);
    if constexpr (std::is_void_v<T>)
        co_return !scope.cancelled_caught();
    else
        co_return std::move(result.value);
}

template <class Body>
auto own_cancel_scope_in_coro(ScopeOptions options, Body body)
    -> decltype(cancel_scope_in_coro(std::declval<CancelScope&>(), body)) {
    CancelScope scope(options);
    co_return co_await cancel_scope_in_coro(scope, body);
}

template <class Body>
auto given_cancel_scope_in_coro(CancelScope& scope, Body body)
    -> decltype(cancel_scope_in_coro(scope, body)) {
    co_return co_await cancel_scope_in_coro(scope, body);
}

} // namespace detail

/// Runs `body(scope)` in the current task, inside a new scope. Gives whether the body has ended by itself,
/// `true`, or was cut short by the scope's cancellation, `false`; if the body gives a value, that value as a
/// `std::optional`, which is empty when it was cut short. Exceptions of the body pass, also cancellations
/// that are not the scope's. The closure lives until the scope has been left.
template <class Body>
    requires detail::ScopeBody<Body, CancelScope>
[[nodiscard]] auto with_cancel_scope(Body&& body) {
    return detail::own_cancel_scope_in_coro<std::decay_t<Body>>(ScopeOptions(), std::forward<Body>(body));
}
/// As above, with options.
template <class Body>
    requires detail::ScopeBody<Body, CancelScope>
[[nodiscard]] auto with_cancel_scope(const ScopeOptions& options, Body&& body) {
    return detail::own_cancel_scope_in_coro<std::decay_t<Body>>(options, std::forward<Body>(body));
}
/// As above, in a scope that was made before and must outlive the await.
template <class Body>
    requires detail::ScopeBody<Body, CancelScope>
[[nodiscard]] auto with_cancel_scope(CancelScope& scope, Body&& body) {
    return detail::given_cancel_scope_in_coro<std::decay_t<Body>>(scope, std::forward<Body>(body));
}

/// Runs `body(scope)` for at most `delay` from now on, then goes on without it (`trio.move_on_after`). To
/// have an exception instead, `with_timeout`.
template <class Rep, class Period, class Body>
    requires detail::ScopeBody<Body, CancelScope>
[[nodiscard]] auto move_on_after(std::chrono::duration<Rep, Period> delay, Body&& body) {
    return with_cancel_scope(ScopeOptions().timeout(delay), std::forward<Body>(body));
}

} // namespace aio
