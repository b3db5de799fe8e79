#pragma once

/// A channel: a stream of values that ends, from any number of senders to any number of receivers.
///
///     auto [sender, receiver] = aio::make_channel<Frame>(16);
///
///     co_await sender.send(frame);                     // waits while 16 are under way
///
///     const auto show = [](Frame frame) -> aio::Coro<> { co_await display(frame); };
///     co_await receiver.for_each(show);                // until the last sender is gone
///
/// Both ends are handles that may be copied; each value goes to one receiver. The stream ends when the last
/// sender is destroyed, so that a producer that fails cannot leave consumers waiting, and sending fails when
/// the last receiver is. What asyncio has, `Queue`, knows no end but `shutdown`. The shape is that of Trio's
/// memory channels and of Rust's and Go's channels; values may be move-only.
///
/// With a capacity of 0 a send ends when a receiver has taken the value. A channel belongs to the first loop
/// in which somebody has to wait for it, and to that loop's thread.

#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/core/coro.hpp>
#include <aio/core/errors.hpp>
#include <aio/sync/channel_error.hpp>
#include <aio/sync/channel_state.hpp>

namespace aio {

/// The end where values go in. Copies are further senders; one that was moved from is none, and may only be
/// destroyed or assigned to.
template <class T>
class Sender {
public:
    using value_type = T;

    /// For the library.
    explicit Sender(detail::Ref<detail::ChannelState<T>> channel) noexcept : channel_(std::move(channel)) {
        if (channel_) channel_->add_sender();
    }
    Sender(const Sender& other) noexcept : Sender(other.channel_) {}
    Sender(Sender&& other) noexcept = default;
    Sender& operator=(Sender other) noexcept {
        std::swap(channel_, other.channel_);
        return *this;
    }
    ~Sender() {
        if (channel_) channel_->remove_sender();
    }

    /// Awaited, sends a value: to a receiver that waits, or into the buffer, or else it waits, in the order
    /// of coming. Throws `SendError`, which gives the value back, if the channel is closed or there is no
    /// receiver left, also while it waits. Cancelled while it waits, nothing is sent and the value is
    /// destroyed with the operation. Throws `RuntimeError` if another loop is running than the one the
    /// channel is bound to.
    [[nodiscard]] detail::ChannelSendOperation<T> send(T value) const {
        return detail::ChannelSendOperation<T>(state(), std::move(value));
    }

    /// Sends at once. False: there is no place, or for a capacity of 0 no receiver that waits. Throws
    /// `ChannelClosed` if the channel is closed or there is no receiver left. Unless it returns true, the
    /// value has not been moved from.
    [[nodiscard]] bool try_send(T&& value) const {
        detail::ChannelState<T>& channel = *state();
        if (channel.refuses()) throw ChannelClosed();
        channel.check_here();
        return channel.offer(value);
    }
    [[nodiscard]] bool try_send(const T& value) const {
        T copy(value);
        return try_send(std::move(copy));
    }

    /// Ends the stream for all: nothing more can be sent, not even by those who wait to; receivers get what
    /// is in the buffer, and then the end. May be called again.
    void close() const {
        state()->check_here();
        state()->close();
    }
    /// Whether sending is of no use: the channel was closed, or there is no receiver left.
    [[nodiscard]] bool closed() const { return state()->refuses(); }
    /// How many values fit into the buffer, and how many are in it.
    [[nodiscard]] std::size_t capacity() const { return state()->capacity(); }
    [[nodiscard]] std::size_t size() const { return state()->size(); }

private:
    [[nodiscard]] const detail::Ref<detail::ChannelState<T>>& state() const {
        if (!channel_) throw RuntimeError("this Sender has been moved from");
        return channel_;
    }
    detail::Ref<detail::ChannelState<T>> channel_;
};

/// The end where values come out. Copies are further receivers; one that was moved from is none, and may only
/// be destroyed or assigned to. When the last one is destroyed, what is in the buffer is destroyed too.
template <class T>
class Receiver {
public:
    using value_type = T;

    /// For the library.
    explicit Receiver(detail::Ref<detail::ChannelState<T>> channel) noexcept : channel_(std::move(channel)) {
        if (channel_) channel_->add_receiver();
    }
    Receiver(const Receiver& other) noexcept : Receiver(other.channel_) {}
    Receiver(Receiver&& other) noexcept = default;
    Receiver& operator=(Receiver other) noexcept {
        std::swap(channel_, other.channel_);
        return *this;
    }
    ~Receiver() {
        if (channel_) channel_->remove_receiver();
    }

    /// Awaited, gives the next value, or nothing when the stream has ended: the channel was closed or there
    /// is no sender left, and the buffer is empty. Waits while there is no value, in the order of coming.
    /// Cancelled while it waits, no value is taken. Throws `RuntimeError` if another loop is running than the
    /// one the channel is bound to.
    [[nodiscard]] detail::ChannelReceiveOperation<T> receive() const {
        return detail::ChannelReceiveOperation<T>(state());
    }

    /// Gives the next value if it is there, without waiting. Nothing: there is none now; `ended` says whether
    /// one may still come. Throws `RuntimeError` as `receive` does.
    [[nodiscard]] std::optional<T> try_receive() const {
        state()->check_here();
        return state()->poll();
    }

    /// Calls `body(value)` for each value until the stream has ended, and waits for what it returns if that
    /// can be awaited. Ends early with what `body` throws, or with `CancelledError`; the value that `body`
    /// was called with is then the only one that is gone. Owns `body`, and is a receiver of its own.
    template <class Body>
        requires std::invocable<std::decay_t<Body>&, T&&>
    [[nodiscard]] Coro<> for_each(Body&& body) const {
        return for_each_in_coro<std::decay_t<Body>>(*this, std::forward<Body>(body));
    }

    /// Refuses further values: whoever sends, or waits to, gets a `SendError`. What is in the buffer can
    /// still be received. May be called again.
    void close() const {
        state()->check_here();
        state()->close();
    }
    /// Whether no value comes any more.
    [[nodiscard]] bool ended() const { return state()->ending() && state()->size() == 0; }
    /// How many values fit into the buffer, and how many are in it.
    [[nodiscard]] std::size_t capacity() const { return state()->capacity(); }
    [[nodiscard]] std::size_t size() const { return state()->size(); }

private:
    template <class Body>
    static Coro<> for_each_in_coro(Receiver receiver, Body body) {
        while (true) {
            std::optional<T> value = co_await receiver.receive();
            if (!value) break;
            if constexpr (Awaitable<std::invoke_result_t<Body&, T&&>>)
                co_await std::invoke(body, std::move(*value));
            else
                std::invoke(body, std::move(*value));
        }
    }

    [[nodiscard]] const detail::Ref<detail::ChannelState<T>>& state() const {
        if (!channel_) throw RuntimeError("this Receiver has been moved from");
        return channel_;
    }
    detail::Ref<detail::ChannelState<T>> channel_;
};

/// Makes a channel whose buffer takes `capacity` values, and gives its two ends.
template <class T>
[[nodiscard]] std::pair<Sender<T>, Receiver<T>> make_channel(std::size_t capacity) {
    const detail::Ref<detail::ChannelState<T>> channel(new detail::ChannelState<T>(capacity));
    return std::pair<Sender<T>, Receiver<T>>(Sender<T>(channel), Receiver<T>(channel));
}

} // namespace aio
