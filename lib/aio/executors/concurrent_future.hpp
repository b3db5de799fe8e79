#pragma once

/// `ConcurrentFuture<T>`: the result of a call in an executor, for any thread (`concurrent.futures.Future`).
///
/// It is what `Executor::submit` and `run_coroutine_threadsafe` return. Unlike `Future` it may be used from
/// every thread, and it blocks: `result()` waits. On a loop's thread do not wait for it: `co_await
/// wrap_future(f)` does so without blocking.

#include <chrono>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include <aio/core/clock.hpp>
#include <aio/core/error_context.hpp>
#include <aio/executors/concurrent_state.hpp>

namespace aio {
namespace detail {

/// A user's callback on a concurrent future.
template <class F>
class ConcurrentCallbackOf final : public ConcurrentCallback {
public:
    explicit ConcurrentCallbackOf(F function) : function_(std::move(function)) {}
    void on_completed() noexcept override {
        try {
            function_();
        } catch (...) {
            report_callback_exception(std::current_exception());
        }
    }

private:
    F function_;
};

} // namespace detail

/// A handle to the result; copies share it. Thread-safe.
template <class T = void>
class ConcurrentFuture {
public:
    using value_type = T;

    /// A pending future, to be completed by hand. Executors make their own.
    ConcurrentFuture() : state_(std::make_shared<detail::ConcurrentStateOf<T>>()) {}
    explicit ConcurrentFuture(std::shared_ptr<detail::ConcurrentStateOf<T>> state) noexcept
        : state_(std::move(state)) {}

    /// Keeps the call from starting. False if it is running or has finished; true also if it was cancelled
    /// before. A running call is asked to stop, if it takes a `std::stop_token`; the callbacks of that token
    /// are called here.
    bool cancel() const { return state_->cancel(); }
    /// Cancels it if it has not started, and asks a call that runs to stop, where its executor can do that
    /// (`ProcessPoolExecutor`); it is done once the call has ended.
    void request_stop() const {
        if (!state_->cancel()) state_->request_stop();
    }
    [[nodiscard]] bool cancelled() const { return state_->status() == Status::cancelled; }
    [[nodiscard]] bool running() const { return state_->status() == Status::running; }
    [[nodiscard]] bool done() const {
        const Status status = state_->status();
        return status == Status::finished || status == Status::cancelled;
    }

    /// Waits for the result and returns a reference to it. Throws the call's exception, `CancelledError` if
    /// it was cancelled.
    detail::ResultView<T> result() const {
        state_->wait(std::nullopt);
        return ready_result();
    }
    /// As above, but throws `TimeoutError` when `timeout` has passed first.
    template <class Rep, class Period>
    detail::ResultView<T> result(std::chrono::duration<Rep, Period> timeout) const {
        wait_for(timeout);
        return ready_result();
    }

    /// Waits until it is done; the exception it failed with, or null. Throws `CancelledError` if it was
    /// cancelled.
    [[nodiscard]] std::exception_ptr exception() const {
        state_->wait(std::nullopt);
        return state_->exception();
    }
    template <class Rep, class Period>
    [[nodiscard]] std::exception_ptr exception(std::chrono::duration<Rep, Period> timeout) const {
        wait_for(timeout);
        return state_->exception();
    }

    /// Has `function(future)`, or `function()`, called by the thread that completes it, in the order of these
    /// calls; at once, here, if it is done. What the function throws is printed to stderr and ignored.
    template <class F>
    void add_done_callback(F&& function) const {
        if constexpr (std::invocable<std::decay_t<F>&, ConcurrentFuture>) {
            auto call = [f = std::decay_t<F>(std::forward<F>(function)),
                         weak = std::weak_ptr<detail::ConcurrentStateOf<T>>(state_)]() mutable {
                if (auto state = weak.lock()) std::invoke(f, ConcurrentFuture(std::move(state)));
            };
            add_callback(std::move(call));
        } else {
            add_callback(std::decay_t<F>(std::forward<F>(function)));
        }
    }

    /// For whoever completes it by hand: marks it as running, false if it was cancelled meanwhile.
    [[nodiscard]] bool set_running_or_notify_cancel() const { return state_->set_running_or_notify_cancel(); }
    /// Sets the result; throws `InvalidStateError` if it is done.
    template <class... Args>
    void set_result(Args&&... args) const {
        state_->set_value(std::forward<Args>(args)...);
    }
    void set_exception(std::exception_ptr error) const {
        if (!error) throw ValueError("set_exception: the exception is null");
        state_->fail(std::move(error));
    }

    /// For the library: the shared state.
    [[nodiscard]] const std::shared_ptr<detail::ConcurrentStateOf<T>>& state() const noexcept {
        return state_;
    }

private:
    using Status = detail::ConcurrentState::Status;

    template <class F>
    void add_callback(F function) const {
        state_->add_callback(std::make_shared<detail::ConcurrentCallbackOf<F>>(std::move(function)));
    }
    template <class Rep, class Period>
    void wait_for(std::chrono::duration<Rep, Period> timeout) const {
        // `to_duration` limits what it gives, so that the sum cannot overflow.
        if (!state_->wait(std::chrono::steady_clock::now() + detail::to_duration(timeout)))
            throw TimeoutError("the call has not finished in time");
    }
    detail::ResultView<T> ready_result() const {
        state_->require_result();
        if constexpr (!std::is_void_v<T>) return detail::view_stored<T>(state_->value());
    }

    std::shared_ptr<detail::ConcurrentStateOf<T>> state_;
};

} // namespace aio
