#pragma once

/// `Coro<T>`: what a coroutine function returns.
///
///     aio::Coro<std::string> fetch(std::string name);
///     aio::Coro<> show() { std::puts((co_await fetch("x")).c_str()); }
///
/// A `Coro` is lazy: nothing of its body has run when the function returns. Awaiting it runs the body inside
/// the caller's task, without a detour through the loop, and gives its result; to run it concurrently, give
/// it to `create_task`. It is awaited once, as an rvalue: `co_await f()` or `co_await std::move(coro)`. A
/// `Coro` that is dropped unawaited has its frame destroyed, and its body never runs: that is mostly a
/// forgotten `co_await`, so it is reported to the loop's exception handler; `close` says that it is meant.
///
/// Arguments of a coroutine function are copied into its frame, except that references stay references: take
/// by value what must outlive the call. A parameter of type `T&&` is refused at compile time, because the
/// temporary it names is gone when the body first runs.

#include <coroutine>
#include <exception>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/foreign_await.hpp>
#include <aio/core/frame_stack.hpp>
#include <aio/core/stored.hpp>

namespace aio {

template <class T = void>
class Coro;

namespace detail {

template <class T>
class CoroPromise;

/// Reports a coroutine that nobody has awaited, unless it was dropped by an exception in flight or together
/// with the frame of a task that was cancelled or closed.
void report_never_awaited(const std::source_location& function) noexcept;

/// The promise without what depends on whether there is a value.
template <class T>
class CoroPromiseBase : public PromiseBase {
public:
    Coro<T> get_return_object() noexcept;

    /// Awaitables of aiouv know how to suspend a task; all others go through an adapter.
    template <class Awaitable>
    decltype(auto) await_transform(Awaitable&& awaitable,
                                   std::source_location where = std::source_location::current()) {
        this->note_await(where);
        return adapt_awaitable(std::forward<Awaitable>(awaitable));
    }

    /// Moves the result out, or throws what the body threw. Call it once, when the body has ended.
    T take() {
        if (this->exception()) std::rethrow_exception(this->exception());
        return unwrap_stored<T>(std::move(*value_));
    }

protected:
    inline explicit CoroPromiseBase(const std::source_location& function) noexcept;
    std::optional<Stored<T>> value_;
};

template <class T>
class CoroPromise final : public CoroPromiseBase<T> {
public:
    /// Made by a coroutine function, whose name the default argument is.
    explicit CoroPromise(const std::source_location& function = std::source_location::current()) noexcept
        : CoroPromiseBase<T>(function) {}

    template <class U = T>
        requires std::is_constructible_v<Stored<T>, StoredInit<T, U>>
    void return_value(U&& value) noexcept(std::is_nothrow_constructible_v<Stored<T>, StoredInit<T, U>>) {
        this->value_.emplace(wrap_stored<T>(std::forward<U>(value)));
    }
};

template <>
class CoroPromise<void> final : public CoroPromiseBase<void> {
public:
    explicit CoroPromise(const std::source_location& function = std::source_location::current()) noexcept
        : CoroPromiseBase<void>(function) {}

    void return_void() noexcept { value_.emplace(); }
};

/// Owns the frame while it runs as a callee, and delivers its result.
template <class T>
class CoroAwaiter final : public AwaiterTag {
public:
    explicit CoroAwaiter(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
    CoroAwaiter(const CoroAwaiter&) = delete;
    CoroAwaiter& operator=(const CoroAwaiter&) = delete;
    ~CoroAwaiter() {
        if (frame_) frame_.destroy();
    }

    [[nodiscard]] bool await_ready() const {
        if (!frame_) throw RuntimeError("this Coro has been awaited already (or moved from)");
        return false;
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        caller.promise().stack().push(promise(), frame_);
    }
    T await_resume() { return promise().take(); }

private:
    CoroPromise<T>& promise() const noexcept {
        return std::coroutine_handle<CoroPromise<T>>::from_address(frame_.address()).promise();
    }
    std::coroutine_handle<> frame_;
};

} // namespace detail

/// A lazy coroutine that gives a `T`. Move-only.
template <class T>
class [[nodiscard("a Coro does nothing until it is awaited or given to create_task")]] Coro {
public:
    using promise_type = detail::CoroPromise<T>;
    using value_type = T;

    Coro(Coro&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Coro& operator=(Coro&& other) noexcept {
        std::swap(frame_, other.frame_);
        return *this;
    }
    ~Coro() {
        if (!frame_) return;
        detail::report_never_awaited(promise().where());
        frame_.destroy();
    }

    /// Whether there is a coroutine here that has not been awaited.
    [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(frame_); }

    /// Runs the coroutine in the awaiting task and gives its result, or throws what it threw. Cancelling the
    /// task cancels whatever the coroutine is waiting for.
    detail::CoroAwaiter<T> operator co_await() && noexcept {
        return detail::CoroAwaiter<T>(std::exchange(frame_, nullptr));
    }
    /// A named Coro is awaited as `co_await std::move(coro)`: it can be awaited only once.
    void operator co_await() & = delete;

    /// Destroys the coroutine without running it, on purpose: nothing is reported. Does nothing when it has
    /// been awaited or moved from.
    void close() noexcept {
        if (frame_) std::exchange(frame_, nullptr).destroy();
    }

    /// For tasks: gives up the frame.
    [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept {
        return std::coroutine_handle<promise_type>::from_address(std::exchange(frame_, nullptr).address());
    }

private:
    friend detail::CoroPromiseBase<T>;
    explicit Coro(std::coroutine_handle<> frame) noexcept : frame_(frame) {}
    [[nodiscard]] const promise_type& promise() const noexcept {
        return std::coroutine_handle<promise_type>::from_address(frame_.address()).promise();
    }
    std::coroutine_handle<> frame_;
};

namespace detail {

template <class T>
inline CoroPromiseBase<T>::CoroPromiseBase(const std::source_location& function) noexcept
    : PromiseBase(std::coroutine_handle<CoroPromise<T>>::from_promise(static_cast<CoroPromise<T>&>(*this)),
                  function) {}

template <class T>
Coro<T> CoroPromiseBase<T>::get_return_object() noexcept {
    return Coro<T>(std::coroutine_handle<CoroPromise<T>>::from_promise(static_cast<CoroPromise<T>&>(*this)));
}

} // namespace detail
} // namespace aio

/// Refuses coroutines that take a `T&&`: it would dangle before the body starts.
template <class T, class... Args>
struct std::coroutine_traits<aio::Coro<T>, Args...> {
    static_assert((!std::is_rvalue_reference_v<Args> && ...),
                  "a coroutine must not take an rvalue reference: the object it names is gone when the body "
                  "runs; take it by value");
    using promise_type = aio::detail::CoroPromise<T>;
};
