#pragma once

/// `SignalHandler`: calls a function of the program when the process gets a signal (`loop.add_signal_handler`
/// in asyncio).
///
///     aio::SignalHandler on_hangup(loop, SIGHUP, [&] { reload(); });

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/context.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/ref.hpp>
#include <aio/uv/signal.hpp>

namespace aio {

class EventLoop;

namespace detail {

/// The state behind a handler. Queued, it holds a reference to itself, so that the handler may be destroyed
/// before its turn.
class SignalHandlerState : public RefCounted, public ReadyItem, public LoopResource {
public:
    void start(EventLoop& loop, int signum);
    /// No call begins after this.
    void stop() noexcept;
    void loop_closing() noexcept override { stop(); }
    void run() noexcept override;
    void drop() noexcept override;
    [[nodiscard]] std::string label() const override { return "a signal handler"; }

protected:
    explicit SignalHandlerState(EventLoop& loop);
    ~SignalHandlerState() override;
    virtual void invoke() = 0;

private:
    void on_signal() noexcept;

    Ref<LoopState> loop_;
    Context context_;
    std::unique_ptr<uv::Signal> signal_;
    bool queued_ = false;
};

template <class F>
class SignalHandlerOf final : public SignalHandlerState {
public:
    SignalHandlerOf(EventLoop& loop, F function) : SignalHandlerState(loop), function_(std::move(function)) {}

private:
    void invoke() override { function_(); }
    F function_;
};

} // namespace detail

/// Watches for a signal while it lives. The function runs on the loop's thread as a queued callback, in the
/// context in which the handler was made, so it may do anything that a callback may; signals that come while
/// a call is queued are merged into it. Several handlers may watch the same signal. An exception of the
/// function goes to the loop's exception handler.
class SignalHandler {
public:
    /// Throws `ValueError` for a number that is no signal, `RuntimeError` for one that cannot be caught
    /// (SIGKILL, SIGSTOP) or if the loop is closed.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>&...>
    SignalHandler(EventLoop& loop, int signum, F&& function, Args&&... arguments) {
        auto call = [f = std::decay_t<F>(std::forward<F>(function)),
                     ... args = std::decay_t<Args>(std::forward<Args>(arguments))]() mutable {
            std::invoke(f, args...);
        };
        state_ = detail::Ref<detail::SignalHandlerState>(
            new detail::SignalHandlerOf<decltype(call)>(loop, std::move(call)));
        state_->start(loop, signum);
    }
    SignalHandler(SignalHandler&&) noexcept = default;
    /// Stops watching what it watched.
    SignalHandler& operator=(SignalHandler&& other) noexcept {
        SignalHandler taken(std::move(other));
        std::swap(state_, taken.state_);
        return *this;
    }
    /// Stops watching. A call that is queued does not happen.
    ~SignalHandler() {
        if (state_) state_->stop();
    }

private:
    detail::Ref<detail::SignalHandlerState> state_;
};

} // namespace aio
