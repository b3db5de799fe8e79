#pragma once

/// `ProcessStream`: the items that a function in a worker process gives, read while it goes on.
///
///     void read_rows(aio::Emit<Row> emit, std::string path);                  // <aio/workers/emit.hpp>
///
///     auto rows = pool.stream(read_rows, path);
///     while (std::optional<Row> row = co_await rows.next()) store(*row);
///
///     auto primes = pool.stream(aio::ProcessCallOptions().buffersize(16).timeout(1min), find_primes, n);
///     co_await aio::for_each(std::move(primes), show);
///
/// The function takes an `Emit<T>` first, or it returns a range of items, which is gone through over there: a
/// view, a container, a generator. Either way the items arrive one by one. It is ahead of its reader by no
/// more than the `buffersize` and the `buffer_bytes` of its options, then it waits in the worker: the
/// reader's pace is the call's, and memory stays bounded on both sides. What the function returns besides is
/// dropped.
///
/// A stream is one call: it occupies one worker from its first item to its last, and options, crashes, stops
/// and statistics are those of calls. It is never repeated: `retries` are refused.

#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/async_iteration.hpp>
#include <aio/core/coro.hpp>
#include <aio/core/errors.hpp>
#include <aio/executors/process_stream_core.hpp>
#include <aio/executors/stream_call.hpp>

namespace aio {
namespace detail {

/// A step of a stream, until it is awaited.
template <class Awaiter, class Stream>
class [[nodiscard("a step of a stream does nothing until it is awaited")]] StreamStep {
public:
    explicit StreamStep(Ref<Stream> stream) noexcept : stream_(std::move(stream)) {}
    Awaiter operator co_await() const noexcept { return Awaiter(Ref<Stream>(stream_)); }

private:
    Ref<Stream> stream_;
};

} // namespace detail

/// Made by `ProcessPoolExecutor::stream` and `stream_in_executor`. Move-only; belongs to the loop in which it
/// was opened, and to its thread. Dropping it closes it, as `aclose` does, and does not wait: so when the
/// task that reads it is cancelled, the call is stopped.
template <class T>
class [[nodiscard("dropping a stream stops its call")]] ProcessStream {
public:
    using value_type = T;

    explicit ProcessStream(detail::Ref<detail::StreamOf<T>> stream) noexcept : stream_(std::move(stream)) {}
    ProcessStream(ProcessStream&&) noexcept = default;
    ProcessStream& operator=(ProcessStream&& other) noexcept {
        if (this != &other) {
            if (stream_) stream_->close();
            stream_ = std::move(other.stream_);
        }
        return *this;
    }
    ~ProcessStream() {
        if (stream_) stream_->close();
    }

    /// Await it: the next item, or nothing when the function has returned. After the items that were emitted
    /// before, it throws what the function throws, `WorkerCrashed` when its worker dies, `TimeoutError` when
    /// its time is over (which goes on while it waits for its reader), `DecodeError` for an item that is
    /// broken, and what `submit` fails calls with; the step after that is the end. A cancelled step takes
    /// nothing, and the stream goes on. Several tasks may await steps at the same time; they are served in
    /// the order in which they came. `RuntimeError` in another loop, or if this has been moved from.
    [[nodiscard]] auto next() const {
        return detail::StreamStep<detail::StreamNext<T>, detail::StreamOf<T>>(stream());
    }

    /// Await it: drops what has not been read, stops the call, and waits until that has ended. It is stopped
    /// as by a cancellation, whatever `ProcessPoolOptions::stop_cancelled` says: the next `emit` throws
    /// `CancelledError` in the worker, and if the call does not end in time its worker does. How the call
    /// ends does not matter here. Steps from now on, and those that wait, are the end. If the await is
    /// cancelled the call is stopped all the same. `RuntimeError` as for `next`.
    [[nodiscard]] auto aclose() const {
        return detail::StreamStep<detail::StreamClose, detail::StreamCore>(
            detail::Ref<detail::StreamCore>(stream().get()));
    }

private:
    [[nodiscard]] const detail::Ref<detail::StreamOf<T>>& stream() const {
        if (!stream_) throw RuntimeError("this ProcessStream has been moved from");
        return stream_;
    }
    detail::Ref<detail::StreamOf<T>> stream_;
};

namespace detail {

template <class T, class F>
Coro<> for_each_of_stream(ProcessStream<T> stream, F function) {
    std::exception_ptr error;
    try {
        while (auto item = co_await stream.next()) {
            if constexpr (IsAwaitable<std::invoke_result_t<F&, T>>)
                co_await std::invoke(function, std::move(*item));
            else
                std::invoke(function, std::move(*item));
        }
    } catch (...) {
        error = std::current_exception();
    }
    if (!error) co_return;
    co_await stream.aclose();
    std::rethrow_exception(error);
}

} // namespace detail

/// Calls `function(item)` for every item, in order, in the current task, and awaits what that returns if it
/// can be awaited. Throws what the stream or the function throws; the call has ended by then.
template <class T, class F>
    requires std::invocable<std::decay_t<F>&, T>
[[nodiscard]] Coro<> for_each(ProcessStream<T> stream, F&& function) {
    return detail::for_each_of_stream<T, std::decay_t<F>>(std::move(stream), std::forward<F>(function));
}

/// All items, in order. Throws what the stream throws; what had been collected is then lost, as it is when
/// the task is cancelled.
template <class T>
[[nodiscard]] Coro<std::vector<T>> collect(ProcessStream<T> stream) {
    std::vector<T> items;
    while (auto item = co_await stream.next()) items.push_back(std::move(*item));
    co_return items;
}

/// `pool.stream(arguments...)`, by the name that goes with `run_in_executor`: the function, or options and
/// then the function, and its arguments.
template <class Pool, class... Args>
    requires requires(Pool& pool, Args&&... arguments) { pool.stream(std::forward<Args>(arguments)...); }
[[nodiscard]] auto stream_in_executor(Pool& pool, Args&&... arguments) {
    return pool.stream(std::forward<Args>(arguments)...);
}

} // namespace aio
