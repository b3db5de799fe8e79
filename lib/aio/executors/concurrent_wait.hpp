#pragma once

/// Waiting for several concurrent futures, in a thread that may block (`concurrent.futures.wait` and
/// `as_completed`).
///
///     auto [done, not_done] = aio::concurrent::wait(futures, 5s);
///     for (const auto& future : aio::concurrent::as_completed(futures)) use(future.result());
///
/// They block: on a loop's thread wrap the futures (`wrap_future`) and use `aio::wait` and
/// `aio::as_completed`.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/executors/concurrent_future.hpp>
#include <aio/structure/wait.hpp>

namespace aio {
namespace detail {

/// Hears of the ends of some concurrent futures, in their order.
class ConcurrentWatch {
public:
    /// Equal ones count once.
    explicit ConcurrentWatch(std::vector<std::shared_ptr<ConcurrentState>> states);
    ConcurrentWatch(ConcurrentWatch&&) = default;
    ConcurrentWatch& operator=(ConcurrentWatch&&) = delete;
    /// No longer listens.
    ~ConcurrentWatch();

    /// The index of the next one that has ended, among those that were given; none when the time is up.
    [[nodiscard]] std::optional<std::size_t> next(std::optional<TimePoint> deadline);
    [[nodiscard]] std::size_t total() const noexcept { return ears_.size(); }
    [[nodiscard]] std::size_t left() const noexcept { return ears_.size() - given_; }

private:
    class Inbox;
    class Ear;
    struct Listening {
        std::shared_ptr<ConcurrentState> state;
        std::shared_ptr<Ear> ear;
    };
    std::shared_ptr<Inbox> inbox_;
    std::vector<Listening> ears_;
    std::size_t given_ = 0;
};

/// The deadline that a limit from now makes; none for no limit.
template <class Rep, class Period>
[[nodiscard]] std::optional<TimePoint> deadline_after(std::chrono::duration<Rep, Period> limit) {
    return std::chrono::steady_clock::now() + to_duration(limit);
}

template <class T>
[[nodiscard]] std::vector<std::shared_ptr<ConcurrentState>>
states_of(const std::vector<ConcurrentFuture<T>>& futures) {
    std::vector<std::shared_ptr<ConcurrentState>> states;
    states.reserve(futures.size());
    for (const auto& future : futures) states.push_back(future.state());
    return states;
}

} // namespace detail

namespace concurrent {

/// What `wait` gives: both in the order in which the futures were given.
template <class T>
class WaitResult {
public:
    WaitResult() = default;
    std::vector<ConcurrentFuture<T>> done;
    std::vector<ConcurrentFuture<T>> not_done;
};

/// For the library.
template <class T>
[[nodiscard]] WaitResult<T> wait_until(const std::vector<ConcurrentFuture<T>>& futures,
                                       std::optional<TimePoint> deadline, ReturnWhen when) {
    detail::ConcurrentWatch watch(detail::states_of(futures));
    while (watch.left() > 0) {
        const auto index = watch.next(deadline);
        if (!index || when == ReturnWhen::first_completed) break;
        if (when == ReturnWhen::first_exception && futures[*index].state()->failed()) break;
    }
    WaitResult<T> result;
    std::set<const void*> known;
    for (const auto& future : futures)
        if (known.insert(future.state().get()).second)
            (future.done() ? result.done : result.not_done).push_back(future);
    return result;
}

/// Blocks until all are done, or as `when` says; never throws for the time. Futures given twice count once.
template <class T>
[[nodiscard]] WaitResult<T> wait(const std::vector<ConcurrentFuture<T>>& futures,
                                 ReturnWhen when = ReturnWhen::all_completed) {
    return wait_until(futures, std::nullopt, when);
}
/// The same for so long at most: what has not ended then is in `not_done`.
template <class T, class Rep, class Period>
[[nodiscard]] WaitResult<T> wait(const std::vector<ConcurrentFuture<T>>& futures,
                                 std::chrono::duration<Rep, Period> limit,
                                 ReturnWhen when = ReturnWhen::all_completed) {
    return wait_until(futures, detail::deadline_after(limit), when);
}

/// The futures in the order in which they end. For one pass, in one thread.
template <class T>
class AsCompleted {
public:
    AsCompleted(const std::vector<ConcurrentFuture<T>>& futures, std::optional<TimePoint> deadline)
        : futures_(futures), deadline_(deadline), watch_(detail::states_of(futures)) {}

    /// Blocks for the next one; none when all have been given. Throws `TimeoutError`, which says how many are
    /// unfinished, when the time is up first.
    [[nodiscard]] std::optional<ConcurrentFuture<T>> next() {
        if (watch_.left() == 0) return std::nullopt;
        const auto index = watch_.next(deadline_);
        if (!index)
            throw TimeoutError(std::to_string(watch_.left()) + " (of " + std::to_string(watch_.total()) +
                               ") futures unfinished");
        return futures_[*index];
    }

    /// For `for (const auto& future : as_completed(futures))`.
    class Iterator {
    public:
        explicit Iterator(AsCompleted& all) : all_(&all), current_(all.next()) {}
        [[nodiscard]] const ConcurrentFuture<T>& operator*() const { return *current_; }
        Iterator& operator++() {
            current_ = all_->next();
            return *this;
        }
        friend bool operator==(const Iterator& i, std::nullptr_t) noexcept { return !i.current_.has_value(); }

    private:
        AsCompleted* all_;
        std::optional<ConcurrentFuture<T>> current_;
    };
    [[nodiscard]] Iterator begin() { return Iterator(*this); }
    [[nodiscard]] std::nullptr_t end() const noexcept { return nullptr; }

private:
    std::vector<ConcurrentFuture<T>> futures_;
    std::optional<TimePoint> deadline_;
    detail::ConcurrentWatch watch_;
};

/// Gives each future when it ends; those given twice once. The limit counts from here.
template <class T>
[[nodiscard]] AsCompleted<T> as_completed(const std::vector<ConcurrentFuture<T>>& futures) {
    return AsCompleted<T>(futures, std::nullopt);
}
template <class T, class Rep, class Period>
[[nodiscard]] AsCompleted<T> as_completed(const std::vector<ConcurrentFuture<T>>& futures,
                                          std::chrono::duration<Rep, Period> limit) {
    return AsCompleted<T>(futures, detail::deadline_after(limit));
}

} // namespace concurrent
} // namespace aio
