#pragma once

/// `create_connection` and its like: a connection with a protocol (`asyncio.loop.create_connection`).
///
///     auto [transport, protocol] = co_await aio::create_connection(
///         [] { return std::make_unique<Client>(); }, "example.com", 80);
///     transport.write("GET / HTTP/1.0\r\n\r\n");
///     co_await protocol.finished;
///
/// The factory gives a `std::unique_ptr` to a protocol, which then belongs to the transport, or a reference
/// to one of the program's own, which has to stay until `connection_lost`. All of these return when
/// `connection_made` has been called, and before anything else is.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/protocol_factory.hpp>
#include <aio/io/server.hpp>
#include <aio/io/transport.hpp>
#include <aio/io/transport_and_protocol.hpp>
#include <aio/uv/descriptor.hpp>

namespace aio {

/// What these functions give.
template <class P>
using ProtocolConnection = TransportAndProtocol<Transport, P>;

namespace detail {

template <class F>
concept StreamProtocolFactory = ProtocolFactory<F, StreamProtocol>;

[[nodiscard]] Coro<Stream> connect_stream(std::string host, std::uint16_t port, ConnectOptions options);
[[nodiscard]] Coro<Stream> connect_stream(std::vector<Address> addresses, ConnectOptions options);
[[nodiscard]] Coro<Stream> connect_unix_stream(std::string path);
[[nodiscard]] Coro<Stream> adopt_client(uv::Descriptor socket, ConnectOptions options);
[[nodiscard]] Coro<Stream> adopt_accepted(uv::Descriptor socket, ServerOptions options);

template <class F>
Coro<ProtocolConnection<ProtocolOf<F>>> begin_transport(F factory, Stream stream) {
    MadeProtocol<ProtocolOf<F>> made = make_protocol(factory);
    const Ref<Transport> transport = Transport::start(std::move(stream), made.protocol(), made.take());
    co_await until_made(transport);
    co_return ProtocolConnection<ProtocolOf<F>>(transport, made.protocol());
}

template <class F>
Coro<ProtocolConnection<ProtocolOf<F>>> connect_protocol(F factory, Coro<Stream> connecting) {
    Stream stream = co_await std::move(connecting);
    co_return co_await begin_transport(std::move(factory), std::move(stream));
}

} // namespace detail

/// Connects as `open_connection` does, TLS included; the limit of the options means nothing here. Throws what
/// that throws, and what the factory does. Cancelling gives up, and closes a connection that
/// `connection_made` has not been called for.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<ProtocolConnection<detail::ProtocolOf<F>>>
create_connection(F factory, std::string host, std::uint16_t port,
                  ConnectOptions options = ConnectOptions()) {
    return detail::connect_protocol(std::move(factory),
                                    detail::connect_stream(std::move(host), port, std::move(options)));
}
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<ProtocolConnection<detail::ProtocolOf<F>>>
create_connection(F factory, std::vector<Address> addresses, ConnectOptions options = ConnectOptions()) {
    return detail::connect_protocol(std::move(factory),
                                    detail::connect_stream(std::move(addresses), std::move(options)));
}
/// Adopts a socket that is connected already, or a pipe. Of the options only those for TLS mean something,
/// for which `server_hostname` has to be set. Throws `ValueError` and `std::system_error` as
/// `StreamConnection::from_descriptor` does; the descriptor is closed then.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<ProtocolConnection<detail::ProtocolOf<F>>>
create_connection(F factory, uv::Descriptor socket, ConnectOptions options = ConnectOptions()) {
    return detail::connect_protocol(std::move(factory),
                                    detail::adopt_client(std::move(socket), std::move(options)));
}
/// Connects as `open_unix_connection` does.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<ProtocolConnection<detail::ProtocolOf<F>>> create_unix_connection(F factory,
                                                                                     std::string path) {
    return detail::connect_protocol(std::move(factory), detail::connect_unix_stream(std::move(path)));
}
/// Adopts a connection that was accepted elsewhere: TCP, or a Unix domain socket. Of the options those mean
/// something that are about one connection: TLS, as the server's side, and `keep_alive`. Throws as the one
/// above.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<ProtocolConnection<detail::ProtocolOf<F>>>
connect_accepted_socket(F factory, uv::Descriptor socket, ServerOptions options = ServerOptions()) {
    return detail::connect_protocol(std::move(factory),
                                    detail::adopt_accepted(std::move(socket), std::move(options)));
}
/// Takes over any stream of the running loop that nobody waits in: a `TcpStream`, a `PipeStream` (also one
/// end of a pipe, as with `connect_read_pipe` and `connect_write_pipe` of asyncio), a `TlsStream`, a
/// `testing::MemoryStream`. Throws `std::system_error` if it is closed, `RuntimeError` if it belongs to
/// another loop or has been moved from.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<ProtocolConnection<detail::ProtocolOf<F>>> create_transport(F factory, Stream stream) {
    return detail::begin_transport(std::move(factory), std::move(stream));
}

} // namespace aio
