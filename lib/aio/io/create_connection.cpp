#include <aio/io/create_connection.hpp>

#include <aio/io/adopt_stream.hpp>

namespace aio::detail {

Coro<Stream> connect_stream(std::string host, std::uint16_t port, ConnectOptions options) {
    StreamConnection connection = co_await open_connection(std::move(host), port, std::move(options));
    co_return connection.writer.detach("create_connection");
}

Coro<Stream> connect_stream(std::vector<Address> addresses, ConnectOptions options) {
    StreamConnection connection = co_await open_connection(std::move(addresses), std::move(options));
    co_return connection.writer.detach("create_connection");
}

Coro<Stream> connect_unix_stream(std::string path) {
    StreamConnection connection = co_await open_unix_connection(std::move(path));
    co_return connection.writer.detach("create_unix_connection");
}

Coro<Stream> adopt_client(uv::Descriptor socket, [[maybe_unused]] ConnectOptions options) {
    Stream stream = adopt_stream(std::move(socket));
#if AIO_HAVE_TLS
    if (options.tls()) {
        TlsStream secure = co_await TlsStream::client(
            std::move(stream), *options.tls(), options.server_hostname(), options.tls_handshake_timeout());
        co_return std::move(secure);
    }
#endif
    co_return std::move(stream);
}

Coro<Stream> adopt_accepted(uv::Descriptor socket, ServerOptions options) {
    Stream stream = adopt_stream(std::move(socket), options.keep_alive());
#if AIO_HAVE_TLS
    if (options.tls()) {
        TlsStream secure =
            co_await TlsStream::server(std::move(stream), *options.tls(), options.tls_handshake_timeout());
        co_return std::move(secure);
    }
#endif
    co_return std::move(stream);
}

} // namespace aio::detail
