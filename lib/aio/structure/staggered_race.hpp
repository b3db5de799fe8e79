#pragma once

/// `staggered_race`: starts attempts one after the other, takes the first that succeeds, and ends the rest
/// (`asyncio.staggered.staggered_race`; the core of RFC 8305, "Happy Eyeballs").
///
///     std::vector<Connect> attempts = ...;                // each gives a Coro<Connection> when called
///     auto [winner, index, exceptions] = co_await aio::staggered_race(std::move(attempts), 250ms);
///     auto race = co_await aio::staggered_race(250ms, from_cache, from_network);
///
/// The next attempt starts when the one before it has failed, or has had `delay` for itself. For several
/// sources of one answer, of which the later ones are only asked when the earlier ones take their time.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/clock.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/stored.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/wait.hpp>

namespace aio {

/// How a race ended.
template <class T>
class RaceResult {
public:
    RaceResult() = default;

    /// What the winner gave; none if all have failed. (For `void` a `std::monostate`, for a reference a
    /// pointer.)
    std::optional<detail::Stored<T>> winner;
    /// Which of the functions that was, counted from zero.
    std::optional<std::size_t> winner_index;
    /// For each attempt that was started, the exception it ended with: `CancelledError` if it was cancelled
    /// because of the winner, null for the winner.
    std::vector<std::exception_ptr> exceptions;
};

namespace detail {

/// A race that goes on.
template <class T>
class Race {
public:
    Race() = default;
    [[nodiscard]] bool won() const noexcept { return result.winner_index.has_value(); }
    RaceResult<T> result;
    std::vector<Task<>> attempts;
    /// A cancellation that came when there was a winner.
    std::optional<CancelledError> cancelled;
};

/// Cancels the attempts besides the current task that nobody has cancelled yet.
void cancel_losers(const std::vector<Task<>>& attempts);

/// One attempt. It owns its function: what a lambda has captured lives as long as its body runs.
template <class T, class F>
Coro<> race_attempt(Race<T>& race, F function) {
    RaceResult<T>& result = race.result;
    // Attempts take their first step in the order in which they were made.
    const std::size_t index = result.exceptions.size();
    result.exceptions.emplace_back();
    std::optional<Stored<T>> value;
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::invoke(function);
            value.emplace();
        } else {
            value.emplace(wrap_stored<T>(co_await std::invoke(function)));
        }
    } catch (const BaseError&) {
        throw;
    } catch (...) {
        result.exceptions[index] = std::current_exception();
    }
    // One that was cancelled and has a value all the same comes too late.
    if (!value || race.won()) co_return;
    result.winner = std::move(value);
    result.winner_index = index;
    cancel_losers(race.attempts);
}

/// The attempts as a list of one type, and as a tuple of several.
template <class F>
class AttemptList {
public:
    using Result = CallResult<F>;
    explicit AttemptList(std::vector<F> functions) : functions_(std::move(functions)) {}
    [[nodiscard]] std::size_t size() const noexcept { return functions_.size(); }
    Task<> start(std::size_t index, TaskGroup& group, Race<Result>& race) {
        return group.create_task(race_attempt<Result, F>(race, std::move(functions_[index])));
    }

private:
    std::vector<F> functions_;
};

template <class First, class... Rest>
class AttemptTuple {
public:
    using Result = CallResult<First>;
    static_assert((std::same_as<Result, CallResult<Rest>> && ...),
                  "the functions of a race must give results of one type");
    explicit AttemptTuple(std::tuple<First, Rest...> functions) : functions_(std::move(functions)) {}
    [[nodiscard]] std::size_t size() const noexcept { return 1 + sizeof...(Rest); }
    Task<> start(std::size_t index, TaskGroup& group, Race<Result>& race) {
        return start_nth(index, group, race, std::index_sequence_for<First, Rest...>());
    }

private:
    template <std::size_t... I>
    Task<> start_nth(std::size_t index, TaskGroup& group, Race<Result>& race, std::index_sequence<I...>) {
        Task<> task;
        static_cast<void>(((index == I ? (task = start_one<I>(group, race), true) : false) || ...));
        return task;
    }
    template <std::size_t I>
    Task<> start_one(TaskGroup& group, Race<Result>& race) {
        using F = std::tuple_element_t<I, std::tuple<First, Rest...>>;
        return group.create_task(race_attempt<Result, F>(race, std::move(std::get<I>(functions_))));
    }
    std::tuple<First, Rest...> functions_;
};

/// Starts the attempts that have not been, and waits until all have ended.
template <class Attempts>
Coro<> run_attempts(TaskGroup& group, Attempts& attempts, Race<typename Attempts::Result>& race,
                    std::optional<Duration> delay) {
    while (race.attempts.size() < attempts.size() && !race.won()) {
        const Task<> attempt = attempts.start(race.attempts.size(), group, race);
        race.attempts.push_back(attempt);
        // When an earlier one wins this one is cancelled and ends as well.
        if (race.attempts.size() < attempts.size()) co_await wait(attempt, WaitOptions().timeout(delay));
    }
    if (!race.attempts.empty()) co_await wait(race.attempts);
}

/// The body of the group. A cancellation makes the group cancel and join the attempts, unless there is a
/// winner: then the losers are on their way out already, and are not disturbed again.
template <class Attempts>
Coro<> race_in_group(TaskGroup& group, Attempts& attempts, Race<typename Attempts::Result>& race,
                     std::optional<Duration> delay) {
    TaskState::InterruptHold hold;
    for (bool ended = false; !ended;) {
        try {
            co_await run_attempts(group, attempts, race, delay);
            ended = true;
        } catch (const CancelledError& error) {
            if (!race.won()) throw;
            if (!race.cancelled) race.cancelled = error;
            hold.begin(get_running_loop().current_task().task());
        }
    }
}

/// Leaves a cancellation that has been caught to the task's next suspension; the count stays.
void cancel_later(const CancelledError& error);

template <class Attempts>
Coro<RaceResult<typename Attempts::Result>> race_in_coro(Attempts attempts, std::optional<Duration> delay) {
    Race<typename Attempts::Result> race;
    const auto body = [&](TaskGroup& group) { return race_in_group(group, attempts, race, delay); };
    try {
        co_await with_task_group(body);
    } catch (const CancelledError& error) {
        // An attempt may have answered the cancellation with a value.
        if (!race.won()) throw;
        race.cancelled = error;
    }
    if (race.cancelled) cancel_later(*race.cancelled);
    co_return std::move(race.result);
}

} // namespace detail

/// Runs the functions, each of which gives a coroutine when called, as described above; `std::nullopt` for
/// `delay` means that only a failure starts the next. Each function is called in the task of its attempt.
/// Gives a `RaceResult`, also when nobody has won, or there was nobody to start.
///
/// When one has succeeded, or the await is cancelled, all others are cancelled, and the await ends when they
/// have: no attempt outlives it. One that succeeds all the same when there is a winner already has its value
/// destroyed. A cancellation that comes when there is a winner loses nothing: the result is returned, and the
/// next suspension of the task throws. A `BaseError` of an attempt is thrown alone, as by a group.
template <class F, class Rep, class Period>
    requires detail::CoroutineCall<F>
[[nodiscard]] auto staggered_race(std::vector<F> functions, std::chrono::duration<Rep, Period> delay) {
    return detail::race_in_coro(detail::AttemptList<F>(std::move(functions)),
                                std::optional<Duration>(detail::to_duration(delay)));
}
template <class F>
    requires detail::CoroutineCall<F>
[[nodiscard]] auto staggered_race(std::vector<F> functions, std::nullopt_t) {
    return detail::race_in_coro(detail::AttemptList<F>(std::move(functions)), std::optional<Duration>());
}
/// The same for functions of different types, which give results of one type.
template <class Rep, class Period, class... Fs>
    requires(sizeof...(Fs) > 0 && (detail::CoroutineCall<Fs> && ...))
[[nodiscard]] auto staggered_race(std::chrono::duration<Rep, Period> delay, Fs&&... functions) {
    using Attempts = detail::AttemptTuple<std::decay_t<Fs>...>;
    return detail::race_in_coro(Attempts(std::tuple<std::decay_t<Fs>...>(std::forward<Fs>(functions)...)),
                                std::optional<Duration>(detail::to_duration(delay)));
}
template <class... Fs>
    requires(sizeof...(Fs) > 0 && (detail::CoroutineCall<Fs> && ...))
[[nodiscard]] auto staggered_race(std::nullopt_t, Fs&&... functions) {
    using Attempts = detail::AttemptTuple<std::decay_t<Fs>...>;
    return detail::race_in_coro(Attempts(std::tuple<std::decay_t<Fs>...>(std::forward<Fs>(functions)...)),
                                std::optional<Duration>());
}

} // namespace aio
