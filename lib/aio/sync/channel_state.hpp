#pragma once

/// The state behind the two ends of a channel, and the awaiters of both.
///
/// Values are handed over directly: to a receiver that waits, from a sender that waits. So whoever is woken
/// is done, and the order of waiting is the order of service.

#include <coroutine>
#include <cstddef>
#include <optional>
#include <utility>

#include <aio/core/frame_pool.hpp>
#include <aio/core/ref.hpp>
#include <aio/sync/channel_error.hpp>
#include <aio/sync/loop_binding.hpp>
#include <aio/sync/ring_buffer.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio::detail {

template <class T>
class ChannelSend;
template <class T>
class ChannelReceive;

/// Shared by all ends of one channel.
template <class T>
class ChannelState final : public RefCounted, public PoolAllocated {
public:
    explicit ChannelState(std::size_t capacity) noexcept : capacity_(capacity) {}

    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t size() const noexcept { return buffer_.size(); }
    /// Whether it is no use to send.
    [[nodiscard]] bool refuses() const noexcept { return closed_ || receivers_ == 0; }
    /// Whether nothing comes any more, except what is here.
    [[nodiscard]] bool ending() const noexcept { return closed_ || senders_ == 0; }
    void check_here() const { binding_.check_here(); }

    /// Moves the value to a receiver that waits, or into the buffer. False, and nothing is moved: there is no
    /// place.
    bool offer(T& value);
    /// Takes the next value, if there is one, and lets in that of the sender who has waited longest.
    std::optional<T> poll();

    void add_sender() noexcept { ++senders_; }
    void remove_sender() noexcept {
        if (--senders_ == 0) receivers_waiting_.release_all();
    }
    void add_receiver() noexcept { ++receivers_; }
    void remove_receiver() {
        if (--receivers_ > 0) return;
        senders_waiting_.release_all();
        // Nobody will have these, and one of them may hold the channel's own sender.
        buffer_.clear();
    }
    void close() noexcept {
        closed_ = true;
        senders_waiting_.release_all();
        receivers_waiting_.release_all();
    }

private:
    friend ChannelSend<T>;
    friend ChannelReceive<T>;

    LoopBinding binding_{"channel"};
    WaitQueue senders_waiting_{binding_};
    WaitQueue receivers_waiting_{binding_};
    RingBuffer<T> buffer_;
    std::size_t capacity_;
    std::size_t senders_ = 0;
    std::size_t receivers_ = 0;
    bool closed_ = false;
};

/// `Sender::send`: owns the value until it is handed over.
template <class T>
class ChannelSend final : public Waiter {
public:
    ChannelSend(Ref<ChannelState<T>> channel, T&& value)
        : Waiter("Sender.send"), channel_(std::move(channel)), value_(std::move(value)) {}

    [[nodiscard]] bool await_ready() {
        if (channel_->refuses()) return true;
        channel_->check_here();
        sent_ = channel_->offer(value_);
        return sent_;
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(channel_->senders_waiting_, caller);
    }
    void await_resume() {
        if (waited()) settle();
        if (!sent_) throw SendError<T>(std::move(value_));
    }

private:
    friend ChannelState<T>;
    Ref<ChannelState<T>> channel_;
    T value_;
    bool sent_ = false;
};

/// `Receiver::receive`.
template <class T>
class ChannelReceive final : public Waiter {
public:
    explicit ChannelReceive(Ref<ChannelState<T>> channel) noexcept
        : Waiter("Receiver.receive"), channel_(std::move(channel)) {}

    [[nodiscard]] bool await_ready() {
        channel_->check_here();
        value_ = channel_->poll();
        return value_.has_value() || channel_->ending();
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(channel_->receivers_waiting_, caller);
    }
    std::optional<T> await_resume() {
        if (waited()) settle();
        return std::move(value_);
    }

private:
    friend ChannelState<T>;
    Ref<ChannelState<T>> channel_;
    std::optional<T> value_;
};

template <class T>
bool ChannelState<T>::offer(T& value) {
    if (Waiter* const first = receivers_waiting_.front()) {
        static_cast<ChannelReceive<T>*>(first)->value_.emplace(std::move(value));
        receivers_waiting_.release_first();
        return true;
    }
    if (buffer_.size() >= capacity_) return false;
    buffer_.push(std::move(value));
    return true;
}

template <class T>
std::optional<T> ChannelState<T>::poll() {
    std::optional<T> value;
    if (!buffer_.empty()) value.emplace(buffer_.pop());
    auto* const sender = static_cast<ChannelSend<T>*>(senders_waiting_.front());
    if (sender == nullptr) return value;
    if (value)
        buffer_.push(std::move(sender->value_));
    else
        value.emplace(std::move(sender->value_));
    sender->sent_ = true;
    senders_waiting_.release_first();
    return value;
}

/// What `send` returns until it is awaited.
template <class T>
class [[nodiscard("nothing happens until this is awaited")]] ChannelSendOperation {
public:
    ChannelSendOperation(Ref<ChannelState<T>> channel, T&& value)
        : channel_(std::move(channel)), value_(std::move(value)) {}
    ChannelSend<T> operator co_await() && { return ChannelSend<T>(std::move(channel_), std::move(value_)); }

private:
    Ref<ChannelState<T>> channel_;
    T value_;
};

/// What `receive` returns until it is awaited.
template <class T>
class [[nodiscard("nothing happens until this is awaited")]] ChannelReceiveOperation {
public:
    explicit ChannelReceiveOperation(Ref<ChannelState<T>> channel) noexcept : channel_(std::move(channel)) {}
    ChannelReceive<T> operator co_await() const noexcept { return ChannelReceive<T>(channel_); }

private:
    Ref<ChannelState<T>> channel_;
};

} // namespace aio::detail
