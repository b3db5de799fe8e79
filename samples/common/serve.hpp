#pragma once

/// What the servers among the samples share: where to listen, and how to stop.

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include <aio/aio.hpp>

#include "command_line.hpp"

namespace samples {

/// --host H, --port P, --unix PATH, --tls CHAIN and --key KEY.
struct Endpoint {
    std::string host;
    std::uint16_t port = 0;
    std::optional<std::string> path;
    aio::ServerOptions options;
};

inline Endpoint take_endpoint(CommandLine& line, std::uint16_t port) {
    Endpoint endpoint;
    endpoint.host = line.value("--host").value_or("127.0.0.1");
    endpoint.port = line.number<std::uint16_t>("--port", port, 0, 65535);
    endpoint.path = line.value("--unix");
    const std::optional<std::string> chain = line.value("--tls");
    const std::optional<std::string> key = line.value("--key");
    if (chain.has_value() != key.has_value()) throw UsageError("--tls and --key belong together");
#if AIO_HAVE_TLS
    if (chain) endpoint.options.tls(aio::TlsContext::server(*chain, *key));
#else
    if (chain) throw UsageError("this program was built without TLS");
#endif
    return endpoint;
}

template <class Handler>
aio::Coro<aio::Server> listen(Handler handler, Endpoint endpoint) {
    if (endpoint.path)
        co_return co_await aio::start_unix_server(std::move(handler), *endpoint.path, endpoint.options);
    co_return co_await aio::start_server(std::move(handler), endpoint.host, endpoint.port, endpoint.options);
}

/// Says where the server listens, and serves until Ctrl-C or SIGTERM; then lets clients go on for that long.
inline aio::Coro<> serve(aio::Server server, aio::Duration grace) {
    for (const aio::ServerSocket& socket : server.sockets())
        std::printf("listening on %s\n",
                    socket.address() ? socket.address()->to_string().c_str() : "a Unix socket");
    std::fflush(stdout);
    aio::EventLoop& loop = aio::get_running_loop();
    aio::Event stop;
    for (const int signal : {SIGINT, SIGTERM}) loop.add_signal_handler(signal, [&stop] { stop.set(); });
    co_await stop.wait();
    for (const int signal : {SIGINT, SIGTERM}) loop.remove_signal_handler(signal);
    co_await server.close(grace);
}

} // namespace samples
