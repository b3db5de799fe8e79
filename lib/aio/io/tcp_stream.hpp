#pragma once

/// `TcpStream`: a TCP connection.
///
///     auto stream = co_await aio::TcpStream::connect("127.0.0.1", 8000);

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <aio/core/suspension.hpp>
#include <aio/io/stream.hpp>
#include <aio/uv/accepted_connection.hpp>
#include <aio/uv/address.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/tcp.hpp>

namespace aio {

class EventLoop;
class TcpStream;
using Address = uv::Address;

namespace detail {

using TcpState = StreamStateOf<uv::Tcp>;

/// Waits for a connection. Cancelling it closes the socket.
class ConnectAwaiter final : public Suspension, private uv::Completion {
public:
    ConnectAwaiter(const Address& address, const std::optional<Address>& local) noexcept
        : Completion(&on_connected), address_(address), local_(local) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        return start();
    }
    TcpStream await_resume();
    [[nodiscard]] std::string description() const override { return "connecting to " + address_.to_string(); }

private:
    /// False if the system refused at once.
    bool start();
    static void on_connected(uv::Completion& self, int status) noexcept;
    bool on_cancel(const std::string&) noexcept override {
        state_.reset();
        return wake_cancelled();
    }

    Address address_;
    std::optional<Address> local_;
    std::unique_ptr<TcpState> state_;
    int status_ = 0;
};

/// What `connect` returns, until it is awaited.
class ConnectOperation {
public:
    explicit ConnectOperation(const Address& address) noexcept : address_(address) {}
    ConnectOperation(const Address& address, const Address& local) noexcept
        : address_(address), local_(local) {}
    ConnectAwaiter operator co_await() const noexcept { return ConnectAwaiter(address_, local_); }

private:
    Address address_;
    std::optional<Address> local_;
};

} // namespace detail

/// A TCP connection. Small writes are sent at once (TCP_NODELAY), as in asyncio.
class TcpStream final : public Stream {
public:
    /// Connects to a numeric address; names are resolved elsewhere. Throws `std::system_error` naming the
    /// address: at once if it is no address, from the await if the connection fails. Cancelling gives up the
    /// attempt.
    [[nodiscard]] static detail::ConnectOperation connect(std::string_view ip, std::uint16_t port) {
        return detail::ConnectOperation(Address(ip, port));
    }
    [[nodiscard]] static detail::ConnectOperation connect(const Address& address) {
        return detail::ConnectOperation(address);
    }
    /// Connects from a local address; its port may be 0.
    [[nodiscard]] static detail::ConnectOperation connect(const Address& address, const Address& local) {
        return detail::ConnectOperation(address, local);
    }

    /// Adopts a connected socket on a loop; it becomes non-blocking. Throws `ValueError` if that is no TCP
    /// socket, and `std::system_error` if it cannot be watched; it is closed then.
    TcpStream(EventLoop& loop, uv::Descriptor socket);
    /// For the library: of a socket that it knows, and of one that it has accepted.
    TcpStream(EventLoop& loop, uv::Descriptor socket, detail::KnownKind);
    TcpStream(EventLoop& loop, uv::AcceptedConnection connection);

    /// Throws `std::system_error` when closed. The peer's is known also when the connection has broken.
    [[nodiscard]] Address local_address() const { return tcp().local_address(); }
    [[nodiscard]] Address peer_address() const;

    /// Whether small writes go out at once; on by default. Throws `std::system_error`.
    void set_no_delay(bool on);
    /// Probes a silent peer after this many seconds. Throws `std::system_error`.
    void set_keep_alive(bool on, unsigned idle_seconds = 60);

private:
    friend detail::ConnectAwaiter;
    explicit TcpStream(std::unique_ptr<detail::TcpState> state) noexcept : Stream(std::move(state)) {}
    /// Throws `std::system_error` when closed.
    [[nodiscard]] uv::Tcp& tcp() const;
};

} // namespace aio
