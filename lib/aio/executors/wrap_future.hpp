#pragma once

/// Bridges between the futures of loops and those of executors.

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/executors/concurrent_future.hpp>

namespace aio {
namespace detail {

/// Ties a loop's future to a concurrent one: a result travels from the second to the first, a cancellation
/// the other way.
///
/// It hangs in the callbacks of both. The loop's future is touched, and let go of, on the loop's thread only.
class FutureBridge : public ConcurrentCallback,
                     public std::enable_shared_from_this<FutureBridge>,
                     private FutureCallback,
                     private LoopResource,
                     private MailboxItem {
public:
    /// Ties them; on the loop's thread.
    static void connect(std::shared_ptr<FutureBridge> bridge);
    ~FutureBridge() override = default;

protected:
    FutureBridge(EventLoop& loop, Ref<FutureState> future, std::shared_ptr<ConcurrentState> concurrent);
    /// Gives the loop's pending future the concurrent one's value.
    virtual void transfer_value() = 0;
    /// The concurrent future was cancelled: so is the loop's.
    virtual void transfer_cancellation(const std::string& message) { future_->cancel(message); }
    [[nodiscard]] FutureState& future() const noexcept { return *future_; }
    [[nodiscard]] ConcurrentState& concurrent() const noexcept { return *concurrent_; }

private:
    void on_completed() noexcept override;
    void on_done() noexcept override;
    void on_abandoned() noexcept override { let_go(); }
    void loop_closing() noexcept override { let_go(); }
    void deliver() noexcept override;
    void drop() noexcept override { held_by_mailbox_.reset(); }

    void transfer() noexcept;
    /// Drops everything that belongs to the loop.
    std::shared_ptr<FutureBridge> let_go() noexcept;

    LoopState* loop_;
    std::shared_ptr<Mailbox> mailbox_;
    Ref<FutureState> future_;
    std::shared_ptr<ConcurrentState> concurrent_;
    std::shared_ptr<FutureBridge> held_by_future_;
    std::shared_ptr<FutureBridge> held_by_mailbox_;
};

template <class T, bool Move>
class FutureBridgeOf final : public FutureBridge {
public:
    FutureBridgeOf(EventLoop& loop, const Future<T>& future, std::shared_ptr<ConcurrentStateOf<T>> concurrent)
        : FutureBridge(loop, Ref<FutureState>(&future.state()), std::move(concurrent)) {}

private:
    void transfer_value() override {
        auto& to = static_cast<FutureStateOf<T>&>(future());
        auto& from = static_cast<ConcurrentStateOf<T>&>(concurrent());
        if constexpr (Move || !copyable_result<Stored<T>>)
            to.set_value(std::move(from.value()));
        else
            to.set_value(from.value());
    }
};

/// The loop's future of a call that is waited for when it is cancelled: `cancel` only asks, and it becomes
/// cancelled when the call has ended.
template <class T>
class JoiningFutureState final : public FutureStateOf<T> {
public:
    JoiningFutureState(LoopState& loop, std::shared_ptr<ConcurrentState> concurrent) noexcept
        : FutureStateOf<T>(loop), concurrent_(std::move(concurrent)) {}

    bool cancel(const std::string& message) override {
        if (this->done()) return FutureStateOf<T>::cancel(message);
        if (!cancel_message_) cancel_message_ = message;
        // May end this at once, if the call has not started.
        if (!concurrent_->cancel()) concurrent_->request_stop();
        return true;
    }
    /// The call has ended: true if that makes this cancelled.
    bool end_if_cancelled() {
        if (!cancel_message_) return false;
        FutureStateOf<T>::cancel(*cancel_message_);
        return true;
    }

private:
    std::shared_ptr<ConcurrentState> concurrent_;
    std::optional<std::string> cancel_message_;
};

template <class T>
class JoiningBridge final : public FutureBridge {
public:
    JoiningBridge(EventLoop& loop, Ref<FutureState> future, std::shared_ptr<ConcurrentStateOf<T>> concurrent)
        : FutureBridge(loop, std::move(future), std::move(concurrent)) {}

private:
    [[nodiscard]] JoiningFutureState<T>& target() const noexcept {
        return static_cast<JoiningFutureState<T>&>(this->future());
    }
    void transfer_value() override {
        if (target().end_if_cancelled()) return;
        target().set_value(std::move(static_cast<ConcurrentStateOf<T>&>(this->concurrent()).value()));
    }
    void transfer_cancellation(const std::string& message) override {
        if (!target().end_if_cancelled()) target().FutureState::cancel(message);
    }
};

template <bool Move, class T>
Future<T> bridge_future(EventLoop& loop, const ConcurrentFuture<T>& concurrent) {
    Future<T> future = loop.create_future<T>();
    FutureBridge::connect(std::make_shared<FutureBridgeOf<T, Move>>(loop, future, concurrent.state()));
    return future;
}

/// As above, with a future that cancels as `JoiningFutureState` says. The result is moved.
template <class T>
Future<T> bridge_joining_future(EventLoop& loop, const ConcurrentFuture<T>& concurrent) {
    Ref<FutureState> state(new JoiningFutureState<T>(loop.state(), concurrent.state()));
    FutureBridge::connect(std::make_shared<JoiningBridge<T>>(loop, state, concurrent.state()));
    return Future<T>(std::move(state));
}

} // namespace detail

/// A future of `loop` that ends as `concurrent` does; cancelling it cancels `concurrent`
/// (`asyncio.wrap_future`). A move-only result is moved out of `concurrent`. On the loop's thread only.
template <class T>
[[nodiscard]] Future<T> wrap_future(const ConcurrentFuture<T>& concurrent, EventLoop& loop) {
    return detail::bridge_future<false>(loop, concurrent);
}
/// The same for the running loop.
template <class T>
[[nodiscard]] Future<T> wrap_future(const ConcurrentFuture<T>& concurrent) {
    return wrap_future(concurrent, get_running_loop());
}

} // namespace aio
