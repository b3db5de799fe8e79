#pragma once

/// `AsyncGenerator<T>`: a coroutine that gives many values, and may await between them (an asynchronous
/// generator in Python, PEP 525).
///
///     aio::AsyncGenerator<int> countdown(int from, std::chrono::milliseconds interval) {
///         for (int n = from; n > 0; --n) {
///             co_yield n;
///             co_await aio::sleep(interval);
///         }
///     }
///
///     auto generator = countdown(10, 1s);
///     while (auto n = co_await generator.next()) std::printf("%d\n", *n);
///
/// `for_each` and `collect` (<aio/core/async_iteration.hpp>) say the same in one call.
///
/// The body runs inside the task that awaits `next`, from one `co_yield` to the next: it shares that task's
/// context and is cancelled with it, and what it throws comes out of `next`. Nothing of it has run when the
/// function returns.
///
/// A generator that stands at a `co_yield` and is no longer wanted is closed by `co_await
/// generator.aclose()`: `GeneratorExit` is thrown there, so that the body can clean up, with awaits if it
/// must. Dropping the object instead destroys the body's frame: destructors of its locals run, `catch` blocks
/// and awaits do not. Generators that are still open when `run` ends are closed by the loop
/// (`EventLoop::shutdown_asyncgens`).
///
/// A generator belongs to the loop that it was first iterated in, and to that loop's thread. References among
/// its arguments are subject to the same care as those of a `Coro`.

#include <coroutine>
#include <memory>
#include <optional>
#include <source_location>
#include <type_traits>
#include <utility>

#include <aio/core/foreign_await.hpp>
#include <aio/core/generator_frame.hpp>
#include <aio/core/stored.hpp>

namespace aio {

template <class T>
class AsyncGenerator;

/// What `co_await generator.next()` gives: a value that may be missing, or for a reference a pointer that may
/// be null.
template <class T>
using generator_item_t = std::conditional_t<std::is_reference_v<T>,
                                            std::add_pointer_t<std::remove_reference_t<T>>, std::optional<T>>;

namespace detail {

template <class T>
class GeneratorPromise final : public GeneratorFrame {
public:
    explicit GeneratorPromise(const std::source_location& function = std::source_location::current()) noexcept
        : GeneratorFrame(std::coroutine_handle<GeneratorPromise>::from_promise(*this), function) {}

    AsyncGenerator<T> get_return_object() noexcept;

    template <class Awaitable>
    decltype(auto) await_transform(Awaitable&& awaitable,
                                   std::source_location where = std::source_location::current()) {
        this->note_await(where);
        return adapt_awaitable(std::forward<Awaitable>(awaitable));
    }

    template <class U = T>
        requires std::is_constructible_v<Stored<T>, StoredInit<T, U>>
    YieldAwaiter yield_value(U&& value, const std::source_location& where = std::source_location::current()) {
        static_assert(!std::is_reference_v<T> || std::is_lvalue_reference_v<U>,
                      "a generator of references must not yield a temporary");
        this->note_await(where);
        item_.emplace(wrap_stored<T>(std::forward<U>(value)));
        return YieldAwaiter(*this);
    }

    /// Moves the item out that was yielded.
    [[nodiscard]] generator_item_t<T> take_item() {
        generator_item_t<T> item(std::move(*item_));
        item_.reset();
        return item;
    }

private:
    std::optional<Stored<T>> item_;
};

/// Awaiter of `next`.
template <class T>
class GeneratorNext final : public GeneratorStep {
public:
    explicit GeneratorNext(GeneratorFrame* frame) noexcept : GeneratorStep(frame) {}
    [[nodiscard]] bool await_ready() const { return !this->ready_to_run("next"); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        this->begin(static_cast<TaskCore&>(caller.promise().stack()));
    }
    generator_item_t<T> await_resume() {
        if (this->frame() == nullptr || !this->end()) return generator_item_t<T>();
        return static_cast<GeneratorPromise<T>*>(this->frame())->take_item();
    }
};

/// What `next` and `aclose` return: which generator, until it is awaited.
template <class Awaiter>
class GeneratorOperation {
public:
    explicit GeneratorOperation(const GeneratorHolder& generator) noexcept : generator_(&generator) {}
    Awaiter operator co_await() const { return Awaiter(generator_->frame()); }

private:
    const GeneratorHolder* generator_;
};

} // namespace detail

/// A lazy sequence of `T`: an object type, which may be move-only, or an lvalue reference. Move-only.
template <class T>
class [[nodiscard("an AsyncGenerator does nothing until its items are asked for")]] AsyncGenerator
    : private detail::GeneratorHolder {
    static_assert((std::is_object_v<T> && !std::is_const_v<T>) || std::is_lvalue_reference_v<T>,
                  "an AsyncGenerator gives objects or lvalue references");

public:
    using promise_type = detail::GeneratorPromise<T>;
    using value_type = T;

    /// A generator may be moved at any time, also while it runs, but not between a call of `next` or `aclose`
    /// and its await. Dropping one that stands at a `co_yield` destroys its frame at once, and the frames of
    /// generators in its locals with it, one inside the other. Dropping one that is running, which only
    /// somebody else than the task that awaits it can do, lets it run to its next `co_yield` and destroys it
    /// when that await's expression ends.
    AsyncGenerator(AsyncGenerator&&) noexcept = default;
    AsyncGenerator& operator=(AsyncGenerator&&) noexcept = default;

    /// Runs the body to its next `co_yield` and gives the item: `std::optional<T>`, or a pointer if `T` is a
    /// reference; empty when the body has ended, and ever after. Throws what the body throws, after which the
    /// generator has ended. Throws `RuntimeError` if the body is running already (for another task, or for
    /// itself), belongs to another loop, or if this object has been moved from. Cancelling the task cancels
    /// what the body waits for: if it lets the `CancelledError` pass, the generator has ended; an item that
    /// has been yielded is not lost.
    [[nodiscard]] detail::GeneratorOperation<detail::GeneratorNext<T>> next() noexcept {
        return detail::GeneratorOperation<detail::GeneratorNext<T>>(*this);
    }

    /// Ends the generator: throws `GeneratorExit` out of the `co_yield` at which it stands and waits for the
    /// body's end. A body that has never run is destroyed unrun; one that has ended is left alone. Throws
    /// what the body throws while it cleans up; `RuntimeError` if the body is running, or if it yields once
    /// more: its frame is destroyed then. Cancellation reaches the body's cleanup.
    [[nodiscard]] detail::GeneratorOperation<detail::GeneratorClose> aclose() noexcept {
        return detail::GeneratorOperation<detail::GeneratorClose>(*this);
    }

private:
    friend detail::GeneratorPromise<T>;
    explicit AsyncGenerator(detail::GeneratorFrame& frame) noexcept : GeneratorHolder(frame) {}
};

namespace detail {

template <class T>
AsyncGenerator<T> GeneratorPromise<T>::get_return_object() noexcept {
    return AsyncGenerator<T>(*this);
}

} // namespace detail
} // namespace aio

/// Refuses generators that take a `T&&`: it would dangle before the body starts.
template <class T, class... Args>
struct std::coroutine_traits<aio::AsyncGenerator<T>, Args...> {
    static_assert((!std::is_rvalue_reference_v<Args> && ...),
                  "a coroutine must not take an rvalue reference: the object it names is gone when the body "
                  "runs; take it by value");
    using promise_type = aio::detail::GeneratorPromise<T>;
};
