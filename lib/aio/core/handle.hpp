#pragma once

/// Callbacks that the loop is going to run, and the handles by which they can be called off.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include <aio/core/context.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/frame_pool.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/mailbox.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/type_name.hpp>

namespace aio {
namespace detail {

/// A queued callback: what to call, in which context.
class HandleState : public RefCounted, public PoolAllocated, public ReadyItem {
public:
    /// Destroys the callable at once, unless it is running.
    void cancel() noexcept;
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
    [[nodiscard]] Context& context() noexcept { return context_; }

    /// Puts the callback into the ready queue, which keeps it alive until it has run.
    void schedule() noexcept {
        retain();
        loop_->ready.push(*this);
    }

    // ReadyItem
    void run() noexcept override;
    void drop() noexcept override { release(); }

protected:
    HandleState(LoopState& loop, Context context) noexcept : loop_(&loop), context_(std::move(context)) {}
    virtual void invoke() = 0;
    /// Destroys the callable and its arguments: they are needed no more, even if a handle lives on.
    virtual void discard() noexcept {}
    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }

private:
    Ref<LoopState> loop_;
    Context context_;
    bool cancelled_ = false;
    bool running_ = false;
};

/// A callback with a deadline. The timer queue holds a reference while it is armed.
class TimerHandleState : public HandleState, public TimerNode {
public:
    [[nodiscard]] TimePoint when() const noexcept { return when_; }
    void arm() {
        loop().timers.push(*this, when_);
        retain();
    }
    void cancel() noexcept {
        const Ref<HandleState> keep(this);
        if (armed()) {
            loop().timers.remove(*this);
            release();
        }
        HandleState::cancel();
    }

protected:
    TimerHandleState(LoopState& loop, Context context, TimePoint when) noexcept
        : HandleState(loop, std::move(context)), TimerNode(&on_due), when_(when) {}

private:
    static void on_due(TimerNode& node) noexcept {
        auto& self = static_cast<TimerHandleState&>(node);
        self.schedule();
        self.release();
    }
    TimePoint when_;
};

/// A callback that was scheduled from another thread: it travels through the mailbox, and both threads may
/// hold it.
class ThreadsafeHandleState : public MailboxItem, public ReadyItem {
public:
    /// Keeps the callback from running, and destroys the callable. When it is running on the loop's thread
    /// just now, waits until it has ended.
    void cancel() noexcept;
    [[nodiscard]] bool cancelled() const noexcept;
    [[nodiscard]] Context context() const;

    // MailboxItem, ReadyItem
    void deliver() noexcept override { loop_->ready.push(*this); }
    void run() noexcept override;
    void drop() noexcept override;

    /// Sends it off; throws `RuntimeError` if the loop is closed.
    static void post(std::shared_ptr<ThreadsafeHandleState> state, Mailbox& mailbox);

    ThreadsafeHandleState(const ThreadsafeHandleState&) = delete;
    ThreadsafeHandleState& operator=(const ThreadsafeHandleState&) = delete;
    virtual ~ThreadsafeHandleState() = default;

protected:
    ThreadsafeHandleState(LoopState& loop, Context context) noexcept
        : loop_(&loop), context_(std::move(context)) {}
    virtual void invoke() = 0;
    /// Destroys the callable and its arguments, once it is sure that they are needed no more: on the loop's
    /// thread when they have run, even if a handle lives on in another one; where they are cancelled if that
    /// comes first.
    virtual void discard() noexcept = 0;

private:
    /// Valid on the loop's thread while the loop is open, which is the only place where it is used.
    LoopState* loop_;
    Context context_;
    std::shared_ptr<ThreadsafeHandleState> self_;
    /// Recursive, because a callback may cancel its own handle.
    mutable std::recursive_mutex mutex_;
    bool cancelled_ = false;
    /// Running, or run: whoever cancels has nothing left to destroy.
    bool begun_ = false;
};

/// A state of kind `Base` that calls `function(arguments...)`.
template <class Base, class F, class... Args>
class Calling final : public Base {
public:
    template <class... BaseArgs>
    Calling(F function, std::tuple<Args...> arguments, BaseArgs&&... base)
        : Base(std::forward<BaseArgs>(base)...),
          function_(std::move(function)),
          arguments_(std::move(arguments)) {}
    [[nodiscard]] std::string label() const override { return "callback " + type_name(typeid(F)); }

private:
    void invoke() override { std::apply(*function_, std::move(*arguments_)); }
    void discard() noexcept override {
        function_.reset();
        arguments_.reset();
    }
    std::optional<F> function_;
    std::optional<std::tuple<Args...>> arguments_;
};

} // namespace detail

/// A scheduled callback (`asyncio.Handle`). Copies refer to the same callback; dropping them all does not
/// call it off.
class Handle {
public:
    Handle() = default;
    explicit Handle(detail::Ref<detail::HandleState> state) noexcept : state_(std::move(state)) {}

    /// The callback will not run, unless it has already; the callable and its arguments are destroyed.
    void cancel() noexcept {
        if (state_) state_->cancel();
    }
    [[nodiscard]] bool cancelled() const noexcept { return state_ && state_->cancelled(); }
    /// The context in which the callback runs.
    [[nodiscard]] Context get_context() const { return state().context(); }

private:
    [[nodiscard]] detail::HandleState& state() const {
        if (!state_) throw InvalidStateError("this callback handle is empty");
        return *state_;
    }
    detail::Ref<detail::HandleState> state_;
};

/// A callback scheduled for a time (`asyncio.TimerHandle`).
class TimerHandle {
public:
    TimerHandle() = default;
    explicit TimerHandle(detail::Ref<detail::TimerHandleState> state) noexcept : state_(std::move(state)) {}

    /// The callback will not run, unless it has already. Removes it from the timer queue, and destroys the
    /// callable and its arguments, at once.
    void cancel() noexcept {
        if (state_) state_->cancel();
    }
    [[nodiscard]] bool cancelled() const noexcept { return state_ && state_->cancelled(); }
    /// When it is due, on the loop's clock.
    [[nodiscard]] TimePoint when() const { return state().when(); }
    /// The context in which the callback runs.
    [[nodiscard]] Context get_context() const { return state().context(); }

private:
    [[nodiscard]] detail::TimerHandleState& state() const {
        if (!state_) throw InvalidStateError("this timer handle is empty");
        return *state_;
    }
    detail::Ref<detail::TimerHandleState> state_;
};

/// A callback scheduled from any thread (`call_soon_threadsafe`). May be used and destroyed on any thread.
class ThreadsafeHandle {
public:
    ThreadsafeHandle() = default;
    explicit ThreadsafeHandle(std::shared_ptr<detail::ThreadsafeHandleState> state) noexcept
        : state_(std::move(state)) {}

    /// The callback will not run, unless it has already; the callable and its arguments are destroyed, on the
    /// thread of this call. While it is running on the loop's thread, another thread waits for its end.
    void cancel() noexcept {
        if (state_) state_->cancel();
    }
    [[nodiscard]] bool cancelled() const noexcept { return state_ && state_->cancelled(); }
    /// The context in which the callback runs. While it is running, another thread waits for its end.
    [[nodiscard]] Context get_context() const {
        if (!state_) throw InvalidStateError("this callback handle is empty");
        return state_->context();
    }

private:
    std::shared_ptr<detail::ThreadsafeHandleState> state_;
};

} // namespace aio
