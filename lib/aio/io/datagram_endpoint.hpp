#pragma once

/// `DatagramEndpoint`: a UDP socket (`loop.create_datagram_endpoint` in asyncio).
///
///     aio::DatagramEndpoint endpoint(aio::Address("0.0.0.0", 5353));
///     for (;;) {
///         const aio::Datagram datagram = co_await endpoint.receive();
///         co_await endpoint.send_to(datagram.data(), datagram.from());
///     }
///
/// Each datagram that is sent arrives as a whole or not at all. Several are received with one system call
/// where the system can do that; `receive_some` gives them all at once.

#include <coroutine>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/core/suspension.hpp>
#include <aio/io/event_queue.hpp>
#include <aio/uv/address.hpp>
#include <aio/uv/udp.hpp>

namespace aio {

class EventLoop;
using Address = uv::Address;

/// A datagram that has come; move-only.
class Datagram {
public:
    Datagram(std::vector<std::byte> data, const Address& from) : data_(std::move(data)), from_(from) {}
    Datagram(Datagram&&) noexcept = default;
    Datagram& operator=(Datagram&&) noexcept = default;
    [[nodiscard]] std::span<const std::byte> data() const noexcept { return data_; }
    /// The same to keep.
    [[nodiscard]] std::vector<std::byte> take() noexcept { return std::move(data_); }
    [[nodiscard]] const Address& from() const noexcept { return from_; }

private:
    std::vector<std::byte> data_;
    Address from_;
};

/// How an endpoint is made.
class DatagramOptions {
public:
    DatagramOptions() noexcept = default;
    /// The only peer: `send` goes there, and only what comes from there is received.
    /// Throws `ValueError` if its port is 0.
    DatagramOptions& remote(const Address& address);
    DatagramOptions& allow_broadcast(bool on) noexcept { return broadcast_ = on, *this; }
    /// Several sockets may have the address, each gets what is multicast to it.
    DatagramOptions& reuse_address(bool on) noexcept { return bind_.reuse_address(on), *this; }
    /// An IPv6 socket takes no IPv4.
    DatagramOptions& ipv6_only(bool on) noexcept { return bind_.ipv6_only(on), *this; }

    [[nodiscard]] const std::optional<Address>& remote() const noexcept { return remote_; }
    [[nodiscard]] bool allow_broadcast() const noexcept { return broadcast_; }
    [[nodiscard]] const uv::UdpBindOptions& bind() const noexcept { return bind_; }

private:
    std::optional<Address> remote_;
    uv::UdpBindOptions bind_;
    bool broadcast_ = false;
};

namespace detail {

class SendDatagramAwaiter;

/// A socket as the options say. Throws `std::system_error`.
[[nodiscard]] std::unique_ptr<uv::Udp>
open_datagram_socket(EventLoop& loop, const std::optional<Address>& local, const DatagramOptions& options);
/// Where a socket receives, for messages: " at 127.0.0.1:80", or nothing if the system does not say.
[[nodiscard]] std::string place_of_datagrams(const uv::Udp& socket,
                                             const std::optional<Address>& remote) noexcept;

/// The state behind an endpoint.
class DatagramState final : public uv::DatagramReader, public LoopResource {
public:
    DatagramState(EventLoop& loop, const std::optional<Address>& local, const DatagramOptions& options);
    DatagramState(EventLoop& loop, uv::Descriptor socket);
    ~DatagramState() { close(); }
    DatagramState(const DatagramState&) = delete;
    DatagramState& operator=(const DatagramState&) = delete;

    [[nodiscard]] EventQueue<Datagram>& queue() noexcept { return queue_; }
    [[nodiscard]] bool is_open() const noexcept { return socket_ != nullptr; }
    /// Throws `std::system_error` (bad_file_descriptor) when closed.
    [[nodiscard]] uv::Udp& socket() const;
    [[nodiscard]] const std::optional<Address>& remote() const noexcept { return remote_; }
    /// Somebody wants datagrams: receives, if that was off. Throws `std::system_error`.
    void want_datagrams();
    void close() noexcept;
    void loop_closing() noexcept override { close(); }

private:
    friend SendDatagramAwaiter;
    /// What is kept for a reader that is slow; after that the system keeps, and then drops.
    static constexpr std::size_t most_kept = 256;
    /// Bytes that are queued for sending before senders wait, and until they wait no longer.
    static constexpr std::size_t high_water = 64 * 1024;
    static constexpr std::size_t low_water = 16 * 1024;

    // uv::DatagramReader
    void received(std::span<const std::byte> data, const Address& from, bool truncated) noexcept override;
    void failed(int status) noexcept override;
    bool wants_more() noexcept override;

    void on_sent(int status, const std::optional<Address>& to) noexcept;
    /// Tells whoever waits for a datagram that none will come.
    void cancel_receivers() noexcept;
    /// Gives an error to whoever receives next.
    void keep_error(int status, const std::optional<Address>& sending_to) noexcept;
    /// The socket is ready.
    void begin() noexcept;

    EventQueue<Datagram> queue_;
    std::unique_ptr<uv::Udp> socket_;
    std::optional<Address> remote_;
    /// Where it has received, once it is closed.
    std::string place_;
    IntrusiveList<SendDatagramAwaiter> senders_;
    bool receiving_ = false;
};

/// `send_to`. Cancelled while it waits for room, nothing has been sent.
class SendDatagramAwaiter final : public Suspension, public ListNode {
public:
    SendDatagramAwaiter(DatagramState& endpoint, std::span<const std::byte> data,
                        const std::optional<Address>& to)
        : endpoint_(&endpoint), data_(data), to_(to) {}
    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        if (done_)
            yield();
        else
            endpoint_->senders_.push_back(*this);
    }
    void await_resume();
    [[nodiscard]] std::string description() const override { return "room for a datagram to send"; }

    /// There is room now, or the endpoint has been closed.
    void finish(int status) noexcept {
        set_status(status);
        wake();
    }
    /// Puts the datagram into the queue; gives a negative libuv error.
    int send_queued() noexcept;

private:
    [[nodiscard]] const Address* to() const noexcept { return to_ ? &*to_ : nullptr; }
    /// Takes down where it was to go, for the message: the endpoint may be gone when that is made.
    void set_status(int status) noexcept {
        status_ = status;
        if (status < 0 && !to_) to_ = endpoint_->remote();
    }
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }

    DatagramState* endpoint_;
    std::span<const std::byte> data_;
    std::optional<Address> to_;
    int status_ = 0;
    bool done_ = false;
};

/// What `send` and `send_to` return, until they are awaited.
class SendDatagramOperation {
public:
    SendDatagramOperation(DatagramState& endpoint, std::span<const std::byte> data,
                          const std::optional<Address>& to)
        : endpoint_(&endpoint), data_(data), to_(to) {}
    SendDatagramAwaiter operator co_await() const { return SendDatagramAwaiter(*endpoint_, data_, to_); }

private:
    DatagramState* endpoint_;
    std::span<const std::byte> data_;
    std::optional<Address> to_;
};

/// `receive`.
class ReceiveDatagramAwaiter final : public NextEvent<Datagram> {
public:
    explicit ReceiveDatagramAwaiter(DatagramState& endpoint) noexcept
        : NextEvent<Datagram>(endpoint.queue(), "receive a datagram"), endpoint_(&endpoint) {}
    [[nodiscard]] bool await_ready() {
        static_cast<void>(endpoint_->socket());
        if (NextEvent<Datagram>::await_ready()) return true;
        endpoint_->want_datagrams();
        return false;
    }
    Datagram await_resume();

private:
    DatagramState* endpoint_;
};

/// What `receive` returns, until it is awaited.
class ReceiveDatagramOperation {
public:
    explicit ReceiveDatagramOperation(DatagramState& endpoint) noexcept : endpoint_(&endpoint) {}
    ReceiveDatagramAwaiter operator co_await() const noexcept { return ReceiveDatagramAwaiter(*endpoint_); }

private:
    DatagramState* endpoint_;
};

} // namespace detail

/// A UDP socket; move-only. Belongs to the loop it was made on, and is closed with it. Destroying it closes
/// it.
class DatagramEndpoint {
public:
    /// Receives at `local` (port 0: one that the system chooses), on the running loop. Throws
    /// `std::system_error` naming the address.
    explicit DatagramEndpoint(const Address& local, const DatagramOptions& options = DatagramOptions());
    /// Only for `options.remote`, from an address that the system chooses. Throws `ValueError` without one.
    explicit DatagramEndpoint(const DatagramOptions& options);
    /// On a given loop.
    DatagramEndpoint(EventLoop& loop, const Address& local,
                     const DatagramOptions& options = DatagramOptions());
    /// Adopts a UDP socket that is open already, bound or connected, on the running loop or a given one; it
    /// becomes non-blocking. Throws `ValueError` if it is no such socket; it is closed then.
    explicit DatagramEndpoint(uv::Descriptor socket);
    DatagramEndpoint(EventLoop& loop, uv::Descriptor socket);

    /// Gives the next datagram. They are received from the first call on, and some are kept for a reader that
    /// is slow; beyond that the system drops them. Several tasks may wait, each datagram goes to one of them.
    /// Throws `std::system_error`: what the network said about something sent before (connection_refused), or
    /// operation_canceled when the endpoint is closed meanwhile. Cancelling loses no datagram.
    [[nodiscard]] detail::ReceiveDatagramOperation receive() {
        return detail::ReceiveDatagramOperation(state());
    }
    /// Datagrams that have come already, without waiting: to be called after `receive`, when there is much to
    /// be handled at once. At most `limit`, perhaps none.
    [[nodiscard]] std::vector<Datagram> receive_some(std::size_t limit = 64);

    /// Sends a datagram. Returns when the system has it, or when a copy waits for its turn; with more than 64
    /// KiB waiting, not before there is room. Throws `std::system_error` naming the address: also for what
    /// the network said about an earlier datagram. `ValueError` if the endpoint has another remote address.
    /// Cancelled while it waits for room: not sent.
    [[nodiscard]] detail::SendDatagramOperation send_to(std::span<const std::byte> data, const Address& to);
    /// The same to the remote address. Throws `ValueError` if there is none.
    [[nodiscard]] detail::SendDatagramOperation send(std::span<const std::byte> data);

    [[nodiscard]] Address local_address() const { return state().socket().local_address(); }
    /// The remote address, if there is one.
    [[nodiscard]] const std::optional<Address>& remote_address() const { return state().remote(); }

    /// Receives what is sent to a multicast group, on the interface with this address, or on any. Throws
    /// `std::system_error` naming the group.
    void join_group(const std::string& group, const std::string& interface_address = std::string()) {
        state().socket().join_group(group, interface_address);
    }
    void leave_group(const std::string& group, const std::string& interface_address = std::string()) {
        state().socket().leave_group(group, interface_address);
    }
    /// Whether what this machine multicasts comes back to it; from which interface it goes; how far.
    void set_multicast_loop(bool on) { state().socket().set_multicast_loop(on); }
    void set_multicast_interface(const std::string& interface_address) {
        state().socket().set_multicast_interface(interface_address);
    }
    void set_multicast_ttl(int hops) { state().socket().set_multicast_ttl(hops); }
    void set_ttl(int hops) { state().socket().set_ttl(hops); }

    /// Closes the socket. Who waits gets a `std::system_error` (operation_canceled); datagrams that wait for
    /// their turn are dropped.
    void close() noexcept {
        if (state_) state_->close();
    }
    [[nodiscard]] bool is_open() const noexcept { return state_ != nullptr && state_->is_open(); }

private:
    [[nodiscard]] detail::DatagramState& state() const {
        if (!state_) throw RuntimeError("this endpoint has been moved from");
        return *state_;
    }
    std::unique_ptr<detail::DatagramState> state_;
};

} // namespace aio
