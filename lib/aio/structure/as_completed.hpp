#pragma once

/// `as_completed`: takes tasks in the order in which they end (`asyncio.as_completed`).
///
///     auto ended = aio::as_completed(std::move(tasks), 10s);
///     while (aio::Task<Page> task = co_await ended.next())       // the tasks themselves
///         show(task.get_name(), co_await task);
///
///     auto pages = aio::as_completed(std::move(coros));
///     while (std::optional<Page> page = co_await pages.next_result())     // or just their results
///         show(*page);
///
/// Like `wait` it only looks: nothing is cancelled when the time is up, when a step is cancelled, or when the
/// `AsCompleted` is dropped before its end. The tasks then run on; those made here from coroutines have no
/// other owner, so open a `with_task_group` around it and give it tasks of the group where that matters.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/future.hpp>
#include <aio/structure/completion_queue.hpp>
#include <aio/structure/distinct.hpp>
#include <aio/structure/ensure_future.hpp>
#include <aio/structure/gather.hpp>

namespace aio {
namespace detail {

template <class F>
class NextAwaiter final : public CompletionWait {
public:
    using CompletionWait::CompletionWait;
    F await_resume() {
        Ref<FutureState> future = take();
        return future ? F(std::move(future)) : F();
    }
};

template <class T>
class NextResultAwaiter final : public CompletionWait {
public:
    using CompletionWait::CompletionWait;
    std::optional<Stored<T>> await_resume() {
        const Ref<FutureState> future = take();
        if (!future) return std::nullopt;
        return collect_value<T>(*future);
    }
};

/// A step, until it is awaited.
template <class Awaiter>
class [[nodiscard("a step of as_completed does nothing until it is awaited")]] CompletionStep {
public:
    explicit CompletionStep(Ref<CompletionQueue> queue) noexcept : queue_(std::move(queue)) {}
    Awaiter operator co_await() const noexcept { return Awaiter(queue_); }

private:
    Ref<CompletionQueue> queue_;
};

} // namespace detail

/// What `as_completed` gives. `F` is the type of handle: `Task<T>`, `Future<T>`, `AnyTask` or `AnyFuture`.
/// Move-only; belongs to the loop of its futures, and to its thread.
template <class F>
class [[nodiscard("as_completed only watches: its steps give what is done")]] AsCompleted {
public:
    explicit AsCompleted(detail::Ref<detail::CompletionQueue> queue) noexcept : queue_(std::move(queue)) {}
    AsCompleted(AsCompleted&&) noexcept = default;
    AsCompleted& operator=(AsCompleted&&) noexcept = default;

    /// Await it: the handle of the next that is done, whether with a result, failed or cancelled; an empty
    /// handle when all have been given. Does not suspend if one is done already. Throws `TimeoutError`, for
    /// each that is left, when the time is up. A cancelled step takes nothing. Several tasks may await steps
    /// at the same time; they are served in the order in which they came. `RuntimeError` in a task of another
    /// loop.
    [[nodiscard]] auto next() const { return detail::CompletionStep<detail::NextAwaiter<F>>(queue()); }
    /// As `next`, but gives the result, or throws the exception, of the next that is done; `std::nullopt`
    /// when all have been given. After an exception the steps go on. A result that nobody else can read is
    /// moved. For `void` the value is a `std::monostate`, for a reference a pointer.
    [[nodiscard]] auto next_result() const
        requires detail::is_future<F>
    {
        return detail::CompletionStep<detail::NextResultAwaiter<typename F::value_type>>(queue());
    }
    /// How many have not been given yet, whether they are done or not.
    [[nodiscard]] std::size_t remaining() const { return queue()->remaining(); }

private:
    [[nodiscard]] const detail::Ref<detail::CompletionQueue>& queue() const {
        if (!queue_) throw RuntimeError("this AsCompleted has been moved from");
        return queue_;
    }
    detail::Ref<detail::CompletionQueue> queue_;
};

namespace detail {

/// As `ensure_future`, which takes no untyped handles.
template <class A>
auto handle_of(A&& awaitable) {
    if constexpr (std::derived_from<std::remove_cvref_t<A>, AnyFuture>)
        return std::remove_cvref_t<A>(std::forward<A>(awaitable));
    else
        return ensure_future(std::forward<A>(awaitable));
}

template <class A>
auto complete_in_order(std::vector<A> awaitables, std::optional<Duration> limit) {
    using F = decltype(handle_of(std::declval<A>()));
    std::vector<F> futures;
    if constexpr (std::same_as<A, F>) {
        futures = std::move(awaitables);
    } else {
        futures.reserve(awaitables.size());
        for (A& awaitable : awaitables) futures.push_back(handle_of(std::move(awaitable)));
    }
    drop_duplicates(futures);
    std::vector<Ref<FutureState>> states;
    states.reserve(futures.size());
    // The handles are let go of one by one, so that results nobody else holds can be moved.
    for (F& future : futures) states.emplace_back(&std::exchange(future, F()).state());
    return AsCompleted<F>(Ref<CompletionQueue>(new CompletionQueue(std::move(states), limit)));
}

} // namespace detail

/// Watches tasks and futures, and starts coroutines as tasks of the running loop, in this call. The same
/// future given twice is given back once. Nothing to watch is no error: the first step is the end then.
/// Throws `ValueError` if the futures belong to different loops.
template <class A>
    requires Awaitable<A> || std::derived_from<A, AnyFuture>
[[nodiscard]] auto as_completed(std::vector<A> awaitables) {
    return detail::complete_in_order(std::move(awaitables), std::nullopt);
}
/// As above. `timeout` counts from this call; what is done by then is still given, and every step for the
/// others throws `TimeoutError`.
template <class A, class Rep, class Period>
    requires Awaitable<A> || std::derived_from<A, AnyFuture>
[[nodiscard]] auto as_completed(std::vector<A> awaitables, std::chrono::duration<Rep, Period> timeout) {
    return detail::complete_in_order(std::move(awaitables),
                                     std::optional<Duration>(detail::to_duration(timeout)));
}
template <class A>
    requires Awaitable<A> || std::derived_from<A, AnyFuture>
[[nodiscard]] auto as_completed(std::vector<A> awaitables, std::nullopt_t) {
    return detail::complete_in_order(std::move(awaitables), std::nullopt);
}

} // namespace aio
