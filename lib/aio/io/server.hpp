#pragma once

/// `start_server`, `Server`: a handler for every client that connects (`asyncio.start_server`).
///
///     aio::Coro<> greet(aio::StreamReader reader, aio::StreamWriter writer) {
///         const std::string name = co_await reader.readline();
///         co_await writer.write_all("hello " + name);
///     }
///
///     aio::Server server = co_await aio::start_server(greet, "127.0.0.1", 8000);
///     co_await server.serve_forever();
///
/// The handler is called with the reader and the writer of each connection, which are its own; when it has
/// returned and dropped them, the connection is closed. It is a coroutine, which runs as a task of its own,
/// or a plain function, which is called from the loop. What it throws is reported to the loop's exception
/// handler, and closes its connection. It runs in a copy of the context in which the server was started.
///
/// When the process runs out of descriptors the server reports that, accepts nothing for a second and goes
/// on; clients wait in the system meanwhile.

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/core/errors.hpp>
#include <aio/io/dns.hpp>
#include <aio/io/server_core.hpp>

namespace aio {

/// How a server is started.
class ServerOptions {
public:
    /// Only addresses of this family.
    ServerOptions& family(AddressFamily f) noexcept { return family_ = f, *this; }
    /// How many connections the system may keep waiting, and at most how many are accepted each time that the
    /// loop looks: 100 unless changed. Throws `ValueError` if it is less than 1.
    ServerOptions& backlog(int connections);
    /// Several servers, of several loops or processes, share the port; the system spreads connections over
    /// them. Not on Windows.
    ServerOptions& reuse_port(bool on) noexcept { return reuse_port_ = on, *this; }
    /// Probes silent clients, so that one that has vanished is noticed after minutes or hours.
    ServerOptions& keep_alive(bool on) noexcept { return keep_alive_ = on, *this; }
    /// Off: clients wait in the backlog until `Server::start_serving` or `serve_forever`.
    ServerOptions& start_serving(bool on) noexcept { return start_serving_ = on, *this; }
    /// The limit of the readers: see `StreamReader`.
    ServerOptions& limit(std::size_t bytes) noexcept { return limit_ = bytes, *this; }
    /// Off: the file of a Unix domain socket stays when the server closes.
    ServerOptions& cleanup_socket(bool on) noexcept { return cleanup_socket_ = on, *this; }

#if AIO_HAVE_TLS
    /// Encrypts the connections. The handler is called when the handshake is over. Clients that fail it, or
    /// take more than `tls_handshake_timeout` for it, are disconnected; that is reported in debug mode only.
    ServerOptions& tls(const TlsContext& context) { return tls_ = context, *this; }
    /// A minute, unless something else is said.
    template <class Rep, class Period>
    ServerOptions& tls_handshake_timeout(std::chrono::duration<Rep, Period> timeout) {
        return tls_handshake_timeout_ = detail::to_duration(timeout), *this;
    }
#endif

    ServerOptions() noexcept = default;
    [[nodiscard]] AddressFamily family() const noexcept { return family_; }
    [[nodiscard]] int backlog() const noexcept { return backlog_; }
    [[nodiscard]] bool reuse_port() const noexcept { return reuse_port_; }
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
    [[nodiscard]] bool start_serving() const noexcept { return start_serving_; }
    [[nodiscard]] std::size_t limit() const noexcept { return limit_; }
    [[nodiscard]] bool cleanup_socket() const noexcept { return cleanup_socket_; }
#if AIO_HAVE_TLS
    [[nodiscard]] const std::optional<TlsContext>& tls() const noexcept { return tls_; }
    [[nodiscard]] Duration tls_handshake_timeout() const noexcept { return tls_handshake_timeout_; }
#endif

private:
    AddressFamily family_ = AddressFamily::any;
    int backlog_ = 100;
    bool reuse_port_ = false;
    bool keep_alive_ = false;
    bool start_serving_ = true;
    std::size_t limit_ = StreamReader::default_limit;
    bool cleanup_socket_ = true;
#if AIO_HAVE_TLS
    std::optional<TlsContext> tls_;
    Duration tls_handshake_timeout_ = default_tls_handshake_timeout;
#endif
};

/// Where a server listens.
class ServerSocket {
public:
    ServerSocket(int fd, const std::optional<Address>& address) noexcept : fd_(fd), address_(address) {}
    /// The address, with the port that the system chose; nothing for a Unix domain socket.
    [[nodiscard]] const std::optional<Address>& address() const noexcept { return address_; }
    /// The system's descriptor, which stays the server's.
    [[nodiscard]] int fileno() const noexcept { return fd_; }

private:
    int fd_;
    std::optional<Address> address_;
};

/// A server; move-only. Belongs to the loop it was started in. Destroying it closes it, as `close` does.
class Server {
public:
    Server(Server&&) noexcept = default;
    /// Closes what it was, as `close` does.
    Server& operator=(Server&& other) noexcept {
        Server taken(std::move(other));
        std::swap(core_, taken.core_);
        return *this;
    }
    ~Server() {
        if (core_) core_->close();
    }

    /// Begins to accept, if it does not already. Throws `RuntimeError` when closed.
    void start_serving() { core().start_serving(); }
    [[nodiscard]] bool is_serving() const { return core().serving(); }
    /// Serves until the await is cancelled: then closes the server and its connections, waits until those
    /// have sent what was written, and throws the `CancelledError`; cancelled again, at once. Also ends with
    /// `CancelledError`, as in asyncio, when somebody else has closed the server and the last connection has
    /// ended, which is not this function's affair then. Throws `RuntimeError` if the server is closed, or if
    /// another task does this already.
    [[nodiscard]] Coro<> serve_forever() { return detail::ServerCore::serve_forever(shared()); }

    /// Stops listening. Connections, and those who handle them, go on. Does nothing the second time.
    void close() { core().close(); }
    /// Awaited, stops listening and waits until all handlers have ended and all connections are closed, but
    /// not longer than `grace`: after that the handlers' tasks are cancelled and the connections aborted, and
    /// the wait is for what the handlers do in answer to that. A handler that awaits this waits for itself,
    /// and is cancelled. Cancelling the await leaves the server closed, and the rest as it is.
    template <class Rep, class Period>
    [[nodiscard]] Coro<> close(std::chrono::duration<Rep, Period> grace) {
        return detail::ServerCore::close_within(shared(), detail::to_duration(grace));
    }
    /// Closes all connections; what has been written is still sent. Handlers that read get the end of the
    /// stream.
    void close_clients() { core().close_clients(); }
    /// Closes all connections at once; what has not been sent is lost.
    void abort_clients() { core().abort_clients(); }
    /// Awaited, waits until the server is closed, which somebody else has to see to, and no connection is
    /// left. Cancelling ends the wait.
    [[nodiscard]] detail::LinkOperationOf<detail::ServerClosedWait, detail::ServerCore> wait_closed() {
        return detail::LinkOperationOf<detail::ServerClosedWait, detail::ServerCore>(shared());
    }

    /// Where it listens; nowhere when closed.
    [[nodiscard]] std::vector<ServerSocket> sockets() const;
    /// The number of connections that are open.
    [[nodiscard]] std::size_t connections() const { return core().connections(); }

    /// For the library.
    explicit Server(detail::Ref<detail::ServerCore> core) noexcept : core_(std::move(core)) {}

private:
    [[nodiscard]] detail::ServerCore& core() const {
        if (!core_) throw RuntimeError("this Server has been moved from");
        return *core_;
    }
    [[nodiscard]] detail::Ref<detail::ServerCore> shared() const {
        return detail::Ref<detail::ServerCore>(&core());
    }
    detail::Ref<detail::ServerCore> core_;
};

namespace detail {

/// A handler of connections.
template <class F>
concept ConnectionHandler = std::invocable<std::decay_t<F>&, StreamReader, StreamWriter>;

/// With the options that its constructor does not take.
inline Ref<ServerCore> begin_server_core(Ref<ServerCore> core,
                                         [[maybe_unused]] const ServerOptions& options) {
#if AIO_HAVE_TLS
    if (options.tls()) core->set_tls(*options.tls(), options.tls_handshake_timeout());
#endif
    return core;
}

template <class F>
Ref<ServerCore> make_server_core(F handler, const ServerOptions& options) {
    return begin_server_core(
        Ref<ServerCore>(new ServerCoreOf<F>(std::move(handler), get_running_loop(), options.limit(),
                                            options.backlog(), options.keep_alive())),
        options);
}

/// Resolves the hosts and listens on each address.
[[nodiscard]] Coro<Server> listen_on_hosts(Ref<ServerCore> core, std::vector<std::string> hosts,
                                           std::uint16_t port, ServerOptions options);
[[nodiscard]] Coro<Server> listen_on_path(Ref<ServerCore> core, std::string path, ServerOptions options);
[[nodiscard]] Coro<Server> listen_on_descriptor(Ref<ServerCore> core, uv::Descriptor socket,
                                                ServerOptions options);

} // namespace detail

/// Listens on all addresses of a host, a name or in figures; an empty one means all interfaces. Port 0 lets
/// the system choose one, for each address its own. An address that several names stand for is listened on
/// once, and one of IPv6 takes no IPv4 connections. Those that this machine does not have, as when it has
/// IPv6 switched off, are passed over as long as others are left (as in Python 3.13). Throws `GaiError` if a
/// name cannot be resolved, `std::system_error` naming the address if one cannot be listened on for another
/// reason; then none is.
template <class F>
    requires detail::ConnectionHandler<F>
[[nodiscard]] Coro<Server> start_server(F&& handler, std::string host, std::uint16_t port,
                                        const ServerOptions& options = ServerOptions()) {
    std::vector<std::string> hosts(1, std::move(host));
    return detail::listen_on_hosts(
        detail::make_server_core<std::decay_t<F>>(std::forward<F>(handler), options), std::move(hosts), port,
        options);
}
/// The same for several hosts.
template <class F>
    requires detail::ConnectionHandler<F>
[[nodiscard]] Coro<Server> start_server(F&& handler, std::vector<std::string> hosts, std::uint16_t port,
                                        const ServerOptions& options = ServerOptions()) {
    return detail::listen_on_hosts(
        detail::make_server_core<std::decay_t<F>>(std::forward<F>(handler), options), std::move(hosts), port,
        options);
}
/// Adopts a bound TCP or Unix domain socket, and listens on it unless that has been done already. Throws
/// `ValueError` if it is neither, and `std::system_error`, also for a pipe; it is closed then.
template <class F>
    requires detail::ConnectionHandler<F>
[[nodiscard]] Coro<Server> start_server(F&& handler, uv::Descriptor socket,
                                        const ServerOptions& options = ServerOptions()) {
    return detail::listen_on_descriptor(
        detail::make_server_core<std::decay_t<F>>(std::forward<F>(handler), options), std::move(socket),
        options);
}

/// Listens on a Unix domain socket at `path`, or on Linux at the abstract name after a first byte 0. A socket
/// file that is there already is replaced, as in asyncio, whoever has left it; the own one is removed when
/// the server closes, if it still is the own one. Throws `std::system_error` naming the path: always on
/// Windows (not_supported).
template <class F>
    requires detail::ConnectionHandler<F>
[[nodiscard]] Coro<Server> start_unix_server(F&& handler, std::string path,
                                             const ServerOptions& options = ServerOptions()) {
    return detail::listen_on_path(
        detail::make_server_core<std::decay_t<F>>(std::forward<F>(handler), options), std::move(path),
        options);
}

} // namespace aio
