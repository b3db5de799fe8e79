#pragma once

/// `create_server`: a protocol for every client that connects (`asyncio.loop.create_server`).
///
///     aio::Server server =
///         co_await aio::create_server([] { return std::make_unique<Echo>(); }, "127.0.0.1", 8000);
///     co_await server.serve_forever();
///
/// The server is that of `start_server`, and so are its options; only what it makes of a connection is
/// another. The factory is called for each connection, with TLS when the handshake is over. What it throws is
/// reported to the loop's exception handler, and closes that connection. Protocols run in a copy of the
/// context in which they are made, which for those of a server is that in which it was started.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/io/create_connection.hpp>
#include <aio/io/server.hpp>

namespace aio {
namespace detail {

/// With the factory.
template <class F>
class ProtocolServerCore final : public ServerCore {
public:
    template <class... Args>
    explicit ProtocolServerCore(F factory, Args&&... arguments)
        : ServerCore(std::forward<Args>(arguments)...), factory_(std::move(factory)) {}

private:
    std::optional<Coro<>> call(const Ref<StreamLink>& link) override {
        // It may have been closed with the others since it was accepted.
        if (link->closing()) return std::nullopt;
        try {
            MadeProtocol<ProtocolOf<F>> made = make_protocol(factory_);
            hand_over(*link,
                      [&made](Stream stream, detail::ConnectionOwner& owner) -> detail::ServedConnection& {
                          return Transport::start(std::move(stream), made.protocol(), made.take(), &owner)
                              ->served();
                      });
        } catch (const BaseError&) {
            throw;
        } catch (...) {
            failed(std::current_exception(), "Error on transport creation for incoming connection");
            link->close();
        }
        return std::nullopt;
    }
    F factory_;
};

template <class F>
Ref<ServerCore> make_protocol_server(F factory, const ServerOptions& options) {
    return begin_server_core(
        Ref<ServerCore>(new ProtocolServerCore<F>(std::move(factory), get_running_loop(), options.limit(),
                                                  options.backlog(), options.keep_alive())),
        options);
}

} // namespace detail

/// Listens as `start_server` does, and throws what that throws.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<Server> create_server(F factory, std::string host, std::uint16_t port,
                                         const ServerOptions& options = ServerOptions()) {
    std::vector<std::string> hosts(1, std::move(host));
    return detail::listen_on_hosts(detail::make_protocol_server(std::move(factory), options),
                                   std::move(hosts), port, options);
}
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<Server> create_server(F factory, std::vector<std::string> hosts, std::uint16_t port,
                                         const ServerOptions& options = ServerOptions()) {
    return detail::listen_on_hosts(detail::make_protocol_server(std::move(factory), options),
                                   std::move(hosts), port, options);
}
/// Adopts a bound TCP or Unix domain socket, and listens on it unless that has been done already. Throws
/// `ValueError` if it is neither, and `std::system_error`, also for a pipe; it is closed then.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<Server> create_server(F factory, uv::Descriptor socket,
                                         const ServerOptions& options = ServerOptions()) {
    return detail::listen_on_descriptor(detail::make_protocol_server(std::move(factory), options),
                                        std::move(socket), options);
}
/// Listens as `start_unix_server` does.
template <class F>
    requires detail::StreamProtocolFactory<F>
[[nodiscard]] Coro<Server> create_unix_server(F factory, std::string path,
                                              const ServerOptions& options = ServerOptions()) {
    return detail::listen_on_path(detail::make_protocol_server(std::move(factory), options), std::move(path),
                                  options);
}

} // namespace aio
