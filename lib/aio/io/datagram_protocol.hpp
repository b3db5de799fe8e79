#pragma once

/// `DatagramProtocol`: a UDP socket as callbacks (`asyncio.DatagramProtocol`).
///
///     class Clock final : public aio::DatagramProtocol {
///     public:
///         void connection_made(aio::DatagramTransport& transport) override { transport_ = &transport; }
///         void datagram_received(std::span<const std::byte>, const aio::Address& from) override {
///             transport_->send_to(time_as_bytes(), from);
///         }
///         ...
///
///     const aio::Address any("0.0.0.0", 37);
///     auto [transport, protocol] = co_await aio::create_datagram_endpoint(make_clock, any);
///
/// All that is said of `Protocol` holds, but for what is thrown: that is reported, and the socket stays open.
/// `DatagramEndpoint` is the same socket for coroutines.

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <aio/io/datagram_endpoint.hpp>
#include <aio/io/protocol.hpp>
#include <aio/io/protocol_factory.hpp>
#include <aio/io/transport_and_protocol.hpp>
#include <aio/io/transport_core.hpp>

namespace aio {

class DatagramTransport;

/// Is given datagrams. `connection_lost` comes when the transport has been closed or aborted.
class DatagramProtocol : public BaseProtocol {
public:
    /// The socket is there. The transport is valid until `connection_lost` has returned.
    virtual void connection_made(DatagramTransport& transport);
    /// A datagram has come; its bytes are gone when this returns.
    virtual void datagram_received(std::span<const std::byte> data, const Address& from);
    /// The system could not send or receive something, or the network said so of an earlier datagram: a
    /// `std::system_error`. The socket stays open.
    virtual void error_received(std::exception_ptr error);

protected:
    DatagramProtocol() = default;
};

/// The socket of a `DatagramProtocol`. It belongs to its loop until `connection_lost` has been called.
class DatagramTransport final : private detail::TransportCore, private uv::DatagramReader {
public:
    /// Sends a datagram, at once or when the system has room for it; `pause_writing` tells when much waits.
    /// `to` may be left out where there is a remote address. What goes wrong is told to `error_received`.
    /// After `close` this does nothing. Throws `ValueError` for another address than the remote one, or for
    /// none where there is no remote one.
    void send_to(std::span<const std::byte> data, const std::optional<Address>& to = std::nullopt);
    void send_to(std::string_view text, const std::optional<Address>& to = std::nullopt) {
        send_to(std::as_bytes(std::span(text)), to);
    }

    /// As for a `Transport`.
    using TransportCore::get_write_buffer_limits;
    using TransportCore::is_closing;
    void set_write_buffer_limits(std::optional<std::size_t> high = std::nullopt,
                                 std::optional<std::size_t> low = std::nullopt) {
        TransportCore::set_write_buffer_limits(high, low);
    }
    /// Bytes that wait to be sent.
    [[nodiscard]] std::size_t get_write_buffer_size() const noexcept { return queued(); }

    /// Receives nothing more; closes when what waits has been sent. `connection_lost` comes at the end.
    void close() noexcept;
    /// Closes at once and drops what waits.
    void abort() noexcept { force_close(nullptr); }

    /// As for a `Transport`.
    void set_protocol(DatagramProtocol& protocol) { replace_protocol(protocol, nullptr); }
    void set_protocol(std::unique_ptr<DatagramProtocol> protocol);
    /// Throws `RuntimeError` when the socket is closed.
    [[nodiscard]] DatagramProtocol& get_protocol() const;

    /// The own address, and the remote one if there is one. Nothing when closed.
    [[nodiscard]] std::optional<Address> sockname() const;
    [[nodiscard]] const std::optional<Address>& peername() const noexcept { return remote_; }
    /// The socket, for its options: groups and hops of multicasts. Throws `RuntimeError` when closed.
    [[nodiscard]] uv::Udp& socket() const;

    DatagramTransport(const DatagramTransport&) = delete;
    DatagramTransport& operator=(const DatagramTransport&) = delete;

    /// For the library: makes a transport on the running loop.
    [[nodiscard]] static detail::Ref<DatagramTransport> start(const std::optional<Address>& local,
                                                              const DatagramOptions& options,
                                                              DatagramProtocol& protocol,
                                                              std::unique_ptr<DatagramProtocol> owned);
    using TransportCore::made;

private:
    friend detail::Ref<DatagramTransport>;

    /// A datagram that has come, or an error, until the protocol is told.
    class Event {
    public:
        Event(std::size_t s, const Address& a) noexcept : size(s), from(a) {}
        explicit Event(std::exception_ptr e) noexcept : error(std::move(e)) {}
        std::size_t size = 0;
        Address from;
        std::exception_ptr error;
    };

    DatagramTransport(EventLoop& loop, const std::optional<Address>& local, const DatagramOptions& options);
    ~DatagramTransport() override;

    // TransportCore
    void tell_made() override;
    void do_io() noexcept override;
    void drop_below() noexcept override { socket_.reset(); }
    void close_below() noexcept override { socket_.reset(); }
    [[nodiscard]] std::size_t queued() const noexcept override;
    void protocol_changed(BaseProtocol* protocol) noexcept override;

    // uv::DatagramReader
    void received(std::span<const std::byte> data, const Address& from, bool truncated) noexcept override;
    void failed(int status) noexcept override;
    bool wants_more() noexcept override;

    void on_sent(int status, const std::optional<Address>& to) noexcept;
    void send_failed(int status, const std::optional<Address>& to) noexcept;
    void deliver() noexcept;
    void receive_on() noexcept;

    std::unique_ptr<uv::Udp> socket_;
    std::optional<Address> remote_;
    DatagramProtocol* protocol_ = nullptr;
    /// What has come and is not told yet: the bytes of the datagrams, one after the other.
    std::vector<std::byte> bytes_;
    std::vector<Event> events_;
    /// Their memory while they are told.
    std::vector<std::byte> told_bytes_;
    std::vector<Event> told_events_;
    std::size_t in_flight_ = 0;
    bool receiving_ = false;
};

namespace detail {

template <class F>
concept DatagramProtocolFactory = ProtocolFactory<F, DatagramProtocol>;

template <class F>
Coro<TransportAndProtocol<DatagramTransport, ProtocolOf<F>>>
begin_datagrams(F factory, std::optional<Address> local, DatagramOptions options) {
    MadeProtocol<ProtocolOf<F>> made = make_protocol(factory);
    const Ref<DatagramTransport> transport =
        DatagramTransport::start(local, options, made.protocol(), made.take());
    co_await until_made(transport);
    co_return TransportAndProtocol<DatagramTransport, ProtocolOf<F>>(transport, made.protocol());
}

} // namespace detail

/// Opens a UDP socket that receives at `local`, with a protocol; the factory is as for `create_connection`.
/// Returns when `connection_made` has been called. Throws `std::system_error` naming the address, and what
/// the factory does. Cancelling closes the socket.
template <class F>
    requires detail::DatagramProtocolFactory<F>
[[nodiscard]] Coro<TransportAndProtocol<DatagramTransport, detail::ProtocolOf<F>>>
create_datagram_endpoint(F factory, const Address& local,
                         const DatagramOptions& options = DatagramOptions()) {
    return detail::begin_datagrams(std::move(factory), std::optional<Address>(local), options);
}
/// The same for a socket that only speaks with `options.remote`, at an address that the system chooses.
/// Throws `ValueError` without one.
template <class F>
    requires detail::DatagramProtocolFactory<F>
[[nodiscard]] Coro<TransportAndProtocol<DatagramTransport, detail::ProtocolOf<F>>>
create_datagram_endpoint(F factory, const DatagramOptions& options) {
    if (!options.remote()) throw ValueError("create_datagram_endpoint: neither a local nor a remote address");
    return detail::begin_datagrams(std::move(factory), std::optional<Address>(), options);
}

} // namespace aio
