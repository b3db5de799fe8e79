#pragma once

/// `Future<T>`: a one-shot cell that anyone may set and many may await (`asyncio.Future`).
///
///     aio::Future<int> answer = loop.create_future<int>();
///     loop.call_soon([answer]() mutable { answer.set_result(42); });
///     int n = co_await answer;
///
/// A future belongs to one loop and its thread. The object is a handle: copies share the cell. Setting it
/// never runs anybody's code at once: those who wait are queued, in the order in which they came.

#include <concepts>
#include <exception>
#include <functional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <aio/core/copyable_result.hpp>
#include <aio/core/future_state.hpp>
#include <aio/core/handle.hpp>
#include <aio/core/suspension.hpp>

namespace aio {

class EventLoop;

/// What all futures and tasks have in common, whatever their result type. An empty one refers to nothing and
/// may only be assigned to, tested and compared.
class AnyFuture {
public:
    AnyFuture() = default;
    explicit AnyFuture(detail::Ref<detail::FutureState> state) noexcept : state_(std::move(state)) {}

    explicit operator bool() const noexcept { return static_cast<bool>(state_); }
    friend bool operator==(const AnyFuture& a, const AnyFuture& b) noexcept { return a.state_ == b.state_; }

    /// Whether it has a result, an exception, or was cancelled.
    [[nodiscard]] bool done() const { return state().done(); }
    [[nodiscard]] bool cancelled() const { return state().cancelled(); }
    /// Cancels, with a message for the `CancelledError`. A future becomes cancelled at once; a task is asked
    /// to (see `Task`). False, and no effect, if it is done already.
    bool cancel(const std::string& message = {}) { return state().cancel(message); }
    /// The exception it failed with, or null if it has a result. Throws `InvalidStateError` while it is
    /// pending and `CancelledError` if it was cancelled.
    [[nodiscard]] std::exception_ptr exception() const { return state().exception(); }
    /// The loop it belongs to; throws `RuntimeError` if that has been destroyed.
    [[nodiscard]] EventLoop& get_loop() const { return state().loop().require_loop(); }

    /// For the library: the shared state.
    [[nodiscard]] detail::FutureState& state() const {
        if (!state_) throw InvalidStateError("this future handle is empty");
        return *state_;
    }

protected:
    /// The shared state; the handle is empty then.
    [[nodiscard]] detail::Ref<detail::FutureState> take_state() {
        if (!state_) throw InvalidStateError("this future handle is empty");
        return std::move(state_);
    }

private:
    detail::Ref<detail::FutureState> state_;
};

namespace detail {

/// A user's done callback, linked into the future until that is done, then queued. It holds the future only
/// from then on: before, the future holds it, and nobody would ever let go of the two.
class DoneCallback : public HandleState, public FutureCallback {
public:
    /// The future is done: queues the call.
    void fire() noexcept {
        held_ = Ref<FutureState>(future_);
        schedule();
    }
    void on_done() noexcept override {
        fire();
        release();
    }
    void on_abandoned() noexcept override { release(); }
    [[nodiscard]] virtual bool equals(const std::type_info& type, const void* function) const noexcept = 0;

protected:
    DoneCallback(LoopState& loop, Context context, FutureState& future) noexcept
        : HandleState(loop, std::move(context)), future_(&future) {}
    /// The future, when it is done.
    [[nodiscard]] const Ref<FutureState>& future() const noexcept { return held_; }

private:
    FutureState* future_;
    Ref<FutureState> held_;
};

template <class F, class Future>
class DoneCallbackOf final : public DoneCallback {
public:
    DoneCallbackOf(LoopState& loop, Context context, F function, const Future& future)
        : DoneCallback(loop, std::move(context), future.state()), function_(std::move(function)) {}

    [[nodiscard]] std::string label() const override { return "done callback " + type_name(typeid(F)); }
    [[nodiscard]] bool equals([[maybe_unused]] const std::type_info& type,
                              [[maybe_unused]] const void* function) const noexcept override {
        if constexpr (std::equality_comparable<F>)
            return type == typeid(F) && function_ == *static_cast<const F*>(function);
        else
            return false;
    }

private:
    void invoke() override {
        if constexpr (std::invocable<F&, Future>)
            std::invoke(function_, Future(this->future()));
        else
            std::invoke(function_);
    }
    F function_;
};

/// Throws when `awaiting` may not await `future`: another loop's, or its own.
void check_awaitable(const TaskCore& awaiting, FutureState& future);
void add_done_callback(FutureState& future, DoneCallback& callback);
std::size_t remove_done_callback(FutureState& future, const std::type_info& type, const void* function);

/// "Task 'reader'", "Future": what somebody who waits for it waits for.
[[nodiscard]] std::string describe_future(FutureState& future);

/// Suspends a task until a future is done.
class FutureAwaiterBase : public Suspension, public FutureCallback {
public:
    [[nodiscard]] bool await_ready() const { return future_->done(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        check_awaitable(static_cast<TaskCore&>(caller.promise().stack()), *future_);
        this->suspend(caller);
        future_->add_callback(*this);
    }
    [[nodiscard]] TaskState* awaited_task() const noexcept override {
        return pending() && !future_->done() ? future_->as_task() : nullptr;
    }

    [[nodiscard]] std::string description() const override { return describe_future(*future_); }

protected:
    explicit FutureAwaiterBase(Ref<FutureState> future) noexcept : future_(std::move(future)) {}
    ~FutureAwaiterBase() = default;

    /// A cancellation that arrives this way is the one that may still be pending with the task.
    void settle() const noexcept;

    Ref<FutureState> future_;

private:
    void on_done() noexcept override { wake(); }
    void on_abandoned() noexcept override {}
    void list_waiters(std::vector<FutureState*>& waiters) const override {
        waiters.push_back(waiting_future());
    }
    bool on_cancel(const std::string& message) noexcept override { return future_->cancel(message); }
};

template <class T, bool Move>
class FutureAwaiter final : public FutureAwaiterBase {
public:
    explicit FutureAwaiter(Ref<FutureState> future) noexcept : FutureAwaiterBase(std::move(future)) {}

    T await_resume() {
        settle();
        auto& typed = static_cast<FutureStateOf<T>&>(*future_);
        if constexpr (std::is_void_v<T>) {
            typed.require_result();
        } else if constexpr (std::is_reference_v<T>) {
            return static_cast<T>(*typed.value());
        } else if constexpr (Move && !copyable_result<T>) {
            return typed.take_value();
        } else if constexpr (Move) {
            // Nobody else can read it any more: the loop has let go of a task that is done.
            if (typed.references() == 1) return std::move(typed.value());
            return typed.value();
        } else {
            return typed.value();
        }
    }
};

/// The typed, read-only side that `Future<T>` and `Task<T>` share.
template <class Derived, class T>
class FutureInterface : public AnyFuture {
public:
    using value_type = T;

    /// The result: a reference to what the cell holds, or nothing for `void`. Throws the exception if it
    /// failed, `CancelledError` if it was cancelled, `InvalidStateError` while it is pending.
    ResultView<T> result() const {
        if constexpr (std::is_void_v<T>)
            typed().require_result();
        else
            return view_stored<T>(typed().value());
    }

    /// Has `function(future)`, or `function()`, called through the loop once this is done, at the earliest in
    /// the loop's next round, also when it is done already. It runs in the present context.
    template <class F>
        requires std::invocable<std::decay_t<F>&, Derived> || std::invocable<std::decay_t<F>&>
    void add_done_callback(F&& function) const {
        add_done_callback(copy_context(), std::forward<F>(function));
    }
    /// As above, in the given context.
    template <class F>
        requires std::invocable<std::decay_t<F>&, Derived> || std::invocable<std::decay_t<F>&>
    void add_done_callback(Context context, F&& function) const {
        using Callback = DoneCallbackOf<std::decay_t<F>, Derived>;
        const Ref<DoneCallback> callback(new Callback(state().loop(), std::move(context),
                                                      std::forward<F>(function),
                                                      static_cast<const Derived&>(*this)));
        detail::add_done_callback(state(), *callback);
    }

    /// Removes all callbacks equal to `function` and says how many. For callables that can be compared, such
    /// as function pointers.
    template <class F>
        requires std::equality_comparable<std::decay_t<F>>
    std::size_t remove_done_callback(const F& function) const {
        const std::decay_t<F> wanted = function;
        return detail::remove_done_callback(state(), typeid(std::decay_t<F>), &wanted);
    }

    /// Waits for the result. Cancelling the waiting task cancels this. An lvalue gives a copy, so that many
    /// may await. An rvalue, such as `co_await loop.run_in_executor(...)` or `co_await std::move(future)`, is
    /// empty afterwards, and gives the result itself if no other handle is left that could ask for it; a
    /// move-only result is taken that way in any case, once.
    //
    // The reference goes over to the awaiter: the handle may well be a temporary that lives until the end of
    // the expression, and with two references every result would be copied.
    FutureAwaiter<T, true> operator co_await() && { return FutureAwaiter<T, true>(this->take_state()); }
    FutureAwaiter<T, false> operator co_await() const&
        requires(!std::is_object_v<T> || copyable_result<T>)
    {
        return FutureAwaiter<T, false>(Ref<FutureState>(&state()));
    }

protected:
    FutureInterface() = default;
    explicit FutureInterface(Ref<FutureState> state) noexcept : AnyFuture(std::move(state)) {}
    [[nodiscard]] FutureStateOf<T>& typed() const { return static_cast<FutureStateOf<T>&>(state()); }
};

} // namespace detail

/// A result that is set by hand.
template <class T = void>
class Future : public detail::FutureInterface<Future<T>, T> {
public:
    Future() = default;
    explicit Future(detail::Ref<detail::FutureState> state) noexcept
        : detail::FutureInterface<Future<T>, T>(std::move(state)) {}

    /// Sets the result. Throws `InvalidStateError` if it is done already, `RuntimeError` if somebody waits
    /// and the loop is closed.
    template <class U = T>
        requires(!std::is_void_v<T>) && std::is_constructible_v<detail::Stored<T>, detail::StoredInit<T, U>>
    void set_result(U&& value) {
        settable().set_value(detail::wrap_stored<T>(std::forward<U>(value)));
    }
    void set_result()
        requires std::is_void_v<T>
    {
        settable().set_value();
    }

    /// Fails it with an exception. Errors as for `set_result`; `ValueError` if the pointer is null.
    void set_exception(std::exception_ptr error) { settable().set_exception(std::move(error)); }
    /// Fails it with an exception object.
    template <class E>
        requires(!std::same_as<std::decay_t<E>, std::exception_ptr>)
    void set_exception(E&& error) {
        set_exception(std::make_exception_ptr(std::forward<E>(error)));
    }

private:
    [[nodiscard]] detail::FutureStateOf<T>& settable() const {
        if (this->state().as_task() != nullptr)
            throw RuntimeError("a Task's result cannot be set from outside");
        return this->typed();
    }
};

} // namespace aio
