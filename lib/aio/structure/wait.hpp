#pragma once

/// `wait`: waits until some of several tasks or futures are done, and says which (`asyncio.wait`).
///
///     auto [done, pending] = co_await aio::wait(tasks, aio::ReturnWhen::first_completed);
///     auto ended = co_await aio::wait(reader, writer, 5s);           // whatever is done after 5 s
///     auto all = co_await aio::wait(tasks, aio::WaitOptions().timeout(5s).return_when(...));
///
/// It only looks: it throws nothing that a task threw, and cancels nothing, neither when the time is up nor
/// when the waiting task is cancelled. So it suits tasks that somebody else owns. For tasks of your own that
/// belong together there is `with_task_group`, and to take results one by one, `as_completed`: calling `wait`
/// again and again for the rest looks at all of the rest each time.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/clock.hpp>
#include <aio/core/future.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/suspension.hpp>
#include <aio/core/task.hpp>
#include <aio/core/timer_queue.hpp>
#include <aio/structure/distinct.hpp>

namespace aio {

/// When `wait` returns.
enum class ReturnWhen {
    /// As soon as one is done, cancelled ones included (`asyncio.FIRST_COMPLETED`).
    first_completed,
    /// As soon as one has failed, which being cancelled is not; when all are done at the latest
    /// (`asyncio.FIRST_EXCEPTION`).
    first_exception,
    /// When all are done (`asyncio.ALL_COMPLETED`).
    all_completed,
};

/// How long `wait` waits, and for what. Setters can be chained.
class WaitOptions {
public:
    WaitOptions() = default;
    /// Just the condition.
    WaitOptions(ReturnWhen condition) noexcept : return_when_(condition) {}
    /// Just a limit of time.
    template <class Rep, class Period>
    WaitOptions(std::chrono::duration<Rep, Period> limit) : timeout_(detail::to_duration(limit)) {}

    /// Returns after this time at the latest, counted from the await, with whatever is done then. With zero
    /// or less, everything that is ready now still runs before. No limit if not given.
    template <class Rep, class Period>
    WaitOptions& timeout(std::chrono::duration<Rep, Period> limit) {
        timeout_ = detail::to_duration(limit);
        return *this;
    }
    WaitOptions& timeout(std::optional<Duration> limit) noexcept {
        timeout_ = limit;
        return *this;
    }
    /// The condition; `all_completed` if not given.
    WaitOptions& return_when(ReturnWhen condition) noexcept {
        return_when_ = condition;
        return *this;
    }

    [[nodiscard]] std::optional<Duration> timeout() const noexcept { return timeout_; }
    [[nodiscard]] ReturnWhen return_when() const noexcept { return return_when_; }

private:
    std::optional<Duration> timeout_;
    ReturnWhen return_when_ = ReturnWhen::all_completed;
};

/// What `wait` gives: the handles it was given, each once, in the order in which they were given.
template <class F>
class WaitResult {
public:
    WaitResult() = default;
    std::vector<F> done;
    std::vector<F> pending;
};

namespace detail {

/// The waiting, apart from the type of the futures. Every child has a callback of its own here; when the
/// condition is met this goes through the ready queue once, as asyncio's callback does, and wakes the task
/// from there: what else becomes done in that round is in the result as well.
class WaitCore : public Suspension, public TimerNode, public ReadyItem {
public:
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        check_children(static_cast<TaskCore&>(caller.promise().stack()));
        suspend(caller);
        start();
    }
    [[nodiscard]] std::string description() const override;

protected:
    class Child final : public FutureCallback {
    public:
        Child() = default;
        void bind(WaitCore& core, FutureState& future) noexcept {
            core_ = &core;
            future_ = &future;
        }
        [[nodiscard]] FutureState& future() const noexcept { return *future_; }

    private:
        void on_done() noexcept override { core_->child_done(*future_); }
        void on_abandoned() noexcept override {}
        void list_waiters(std::vector<FutureState*>& waiters) const override {
            waiters.push_back(core_->waiting_future());
        }
        WaitCore* core_ = nullptr;
        FutureState* future_ = nullptr;
    };

    WaitCore(std::size_t count, const WaitOptions& options)
        : TimerNode(&on_due), children_(count), options_(options) {}
    ~WaitCore() { stop_timer(); }

    /// One for each future; the futures must live as long as this does.
    std::vector<Child> children_;

private:
    void check_children(const TaskCore& waiting) const;
    void start();
    void child_done(const FutureState& child) noexcept;
    void stop_timer() noexcept {
        if (armed()) loop().timers.remove(*this);
    }
    /// Unlinks everything.
    void finish() noexcept;

    static void on_due(TimerNode& node) noexcept;
    bool on_cancel(const std::string&) noexcept override;
    void run() noexcept override;
    void drop() noexcept override {}

    WaitOptions options_;
    std::size_t unfinished_ = 0;
    bool queued_ = false;
};

template <class F>
class WaitAwaiter final : public WaitCore {
public:
    WaitAwaiter(std::vector<F> futures, const WaitOptions& options)
        : WaitCore(futures.size(), options), futures_(std::move(futures)) {
        for (std::size_t i = 0; i < futures_.size(); ++i) children_[i].bind(*this, futures_[i].state());
    }
    WaitResult<F> await_resume() {
        throw_if_cancelled();
        WaitResult<F> result;
        for (F& future : futures_)
            (future.done() ? result.done : result.pending).push_back(std::move(future));
        return result;
    }

private:
    std::vector<F> futures_;
};

/// What `wait` returns: what for, until it is awaited.
template <class F>
class [[nodiscard("wait does nothing until it is awaited")]] Wait {
public:
    Wait(std::vector<F> futures, const WaitOptions& options)
        : futures_(std::move(futures)), options_(options) {
        if (futures_.empty()) throw ValueError("wait: there is nothing to wait for");
        drop_duplicates(futures_);
    }
    WaitAwaiter<F> operator co_await() && { return WaitAwaiter<F>(std::move(futures_), options_); }

private:
    std::vector<F> futures_;
    WaitOptions options_;
};

/// A handle of a task or future.
template <class F>
concept FutureHandle = std::derived_from<F, AnyFuture>;

/// The type of handle for a list of arguments that may end with options: the handles' own if they have the
/// same, else `AnyTask` or `AnyFuture`.
template <class First, class... As>
using CommonHandle =
    std::conditional_t<FutureHandle<First> && ((std::same_as<First, As> || !FutureHandle<As>) && ...), First,
                       std::conditional_t<(std::convertible_to<First, AnyTask> && ... &&
                                           (std::convertible_to<As, AnyTask> || !FutureHandle<As>)),
                                          AnyTask, AnyFuture>>;

template <class... As>
constexpr bool handles_then_options() {
    constexpr bool handles[] = {FutureHandle<As>...};
    for (std::size_t i = 0; i + 1 < sizeof...(As); ++i)
        if (!handles[i]) return false;
    return true;
}

template <class F, class A>
void add_wait_argument(std::vector<F>& futures, WaitOptions& options, const A& argument) {
    if constexpr (FutureHandle<A>)
        futures.push_back(static_cast<F>(argument));
    else if constexpr (std::convertible_to<const A&, WaitOptions>)
        options = argument;
}

template <class A>
inline constexpr bool wait_takes = FutureHandle<A> || std::convertible_to<const A&, WaitOptions>;

} // namespace detail

/// Waits for tasks or futures, given as a vector (of `Task<T>`, `Future<T>`, `AnyTask` or `AnyFuture`). Await
/// the result of the call in a task; it gives a `WaitResult` with what is done and what is not. The same
/// future given twice counts once.
///
/// Throws nothing that belongs to the futures, and nothing when the time is up; `ValueError`, from the call,
/// if the vector is empty, and `RuntimeError` from the await if a future belongs to another loop or is the
/// waiting task itself. Cancelling the await leaves the futures alone. A coroutine cannot be waited for: make
/// it a task, so that there is something to find in the result.
///
/// A waiter goes on two rounds after the condition is met, and not before others had a turn if it is met from
/// the start. The wait itself costs time and memory in proportion to the number of futures.
template <class F>
    requires detail::FutureHandle<F>
detail::Wait<F> wait(std::vector<F> futures, const WaitOptions& options = WaitOptions()) {
    return detail::Wait<F>(std::move(futures), options);
}
/// The same for some that are named one by one, and then, if wanted, the options or just the limit of time or
/// the condition. The result has handles of their type if all are of one type, else of `AnyTask` or
/// `AnyFuture`.
template <class First, class... As>
    requires(detail::FutureHandle<First> || Awaitable<First>)
auto wait(const First& first, const As&... more) {
    static_assert(detail::FutureHandle<First> && (detail::wait_takes<As> && ...),
                  "wait takes tasks and futures; give a coroutine to create_task and wait for the task");
    static_assert(detail::handles_then_options<First, As...>(), "the options of wait come last");
    using F = detail::CommonHandle<First, As...>;
    std::vector<F> futures;
    futures.reserve(1 + sizeof...(As));
    WaitOptions options;
    detail::add_wait_argument(futures, options, first);
    (detail::add_wait_argument(futures, options, more), ...);
    return detail::Wait<F>(std::move(futures), options);
}
/// Says what is wrong with a vector of coroutines.
template <class A>
    requires(!detail::FutureHandle<A>)
detail::Wait<AnyFuture> wait(const std::vector<A>&, const WaitOptions& = WaitOptions()) {
    static_assert(detail::FutureHandle<A>,
                  "wait takes tasks and futures; give a coroutine to create_task and wait for the task");
    return detail::Wait<AnyFuture>({}, WaitOptions());
}

} // namespace aio
