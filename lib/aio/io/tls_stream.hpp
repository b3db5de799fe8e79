#pragma once

/// `TlsStream`: a stream that is encrypted, on any other stream.
///
///     aio::TcpStream tcp = co_await aio::TcpStream::connect("192.0.2.1", 443);
///     aio::TlsStream stream = co_await aio::TlsStream::client(std::move(tcp), context, "example.com");
///
/// `open_connection` and `start_server` do that by themselves when they are given a context. `start_tls` does
/// it for a connection that has begun without.
///
/// There when `AIO_HAVE_TLS` is set.

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <aio/config.hpp>
#include <aio/core/clock.hpp>
#include <aio/core/coro.hpp>
#include <aio/io/stream.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/io/tls_context.hpp>
#include <aio/io/tls_info.hpp>

#if AIO_HAVE_TLS

namespace aio {

/// How long a handshake may take unless something else is said, as in asyncio.
inline constexpr std::chrono::seconds default_tls_handshake_timeout{60};

/// As any `Stream`, with these differences. The end of the stream is what the peer says by TLS; if the
/// connection below ends without that, reading throws `TlsError` with std::errc::connection_aborted, after
/// all bytes that came before. `close` and `shutdown_write` tell the peer; not so `close` in the middle of a
/// write, and `abort`. What breaks TLS itself is a `TlsError`, too, for reads and writes. The stream below
/// belongs to it, and is closed with it.
class TlsStream final : public Stream {
public:
    /// Shakes hands as a client. `server_hostname` is what the certificate has to be for, and what the server
    /// is told; it may be an address in figures. It can be empty only if the context does not check it.
    /// Throws `TlsCertificateError`, `TlsError` (std::errc::timed_out after `handshake_timeout`,
    /// invalid_argument for a name that is none), `std::system_error` when the stream below breaks,
    /// `ValueError` for a server's context and for a time-out that is not positive, `RuntimeError` if a task
    /// waits in the stream below or its write direction has been shut down. Cancelling closes the stream
    /// below, and so does an error.
    [[nodiscard]] static Coro<TlsStream> client(Stream below, TlsContext context, std::string server_hostname,
                                                Duration handshake_timeout = default_tls_handshake_timeout);
    /// Shakes hands as a server, in the same way.
    [[nodiscard]] static Coro<TlsStream> server(Stream below, TlsContext context,
                                                Duration handshake_timeout = default_tls_handshake_timeout);

    /// What has been agreed on.
    [[nodiscard]] const TlsInfo& tls_info() const;

    /// For the library.
    explicit TlsStream(std::unique_ptr<detail::StreamState> state) noexcept : Stream(std::move(state)) {}
};

/// Goes over to TLS on a connection (`asyncio.StreamWriter.start_tls`), as the side that the context is for.
/// What has been written before is sent before; bytes that have been read ahead belong to TLS. The result has
/// the reader's old limit. Of a server's connection, only the handler knows from then on. Throws what
/// `TlsStream::client` throws, and `RuntimeError` if a task is reading or writing there; the connection is
/// closed then. Cancelling closes it, too.
[[nodiscard]] Coro<StreamConnection> start_tls(StreamConnection connection, TlsContext context,
                                               std::string server_hostname = {},
                                               Duration handshake_timeout = default_tls_handshake_timeout);

namespace detail {

/// For a server: the handshake has begun, and the stream is not to be used until `end` has been told.
[[nodiscard]] TlsStream begin_server_tls(Stream below, const TlsContext& context, Duration handshake_timeout,
                                         std::function<void(std::exception_ptr)> end);

} // namespace detail
} // namespace aio

#endif
