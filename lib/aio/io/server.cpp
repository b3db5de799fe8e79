#include <aio/io/server.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <system_error>

#include <aio/uv/listener.hpp>

namespace aio {

ServerOptions& ServerOptions::backlog(int connections) {
    if (connections < 1) throw ValueError("ServerOptions: the backlog must be at least 1");
    backlog_ = connections;
    return *this;
}

std::vector<ServerSocket> Server::sockets() const {
    std::vector<ServerSocket> sockets;
    for (const auto& socket : core().sockets()) {
        if (!socket->is_open()) continue;
        std::optional<Address> address;
        if (socket->is_tcp()) address = uv::local_address(socket->socket());
        sockets.emplace_back(socket->socket().get(), address);
    }
    return sockets;
}

namespace detail {
namespace {

/// Adds the addresses that are not there yet.
void add_addresses(std::vector<Address>& addresses, const std::vector<AddressInfo>& found) {
    for (const AddressInfo& info : found) {
        if (std::find(addresses.begin(), addresses.end(), info.address()) == addresses.end())
            addresses.push_back(info.address());
    }
}

/// The host has addresses of a family that this machine does not speak, or has switched off.
bool is_of_no_use_here(const std::error_code& code) {
    return code == std::errc::address_not_available || code == std::errc::address_family_not_supported ||
           code == std::errc::protocol_not_supported;
}

Server serve(Ref<ServerCore> core, const ServerOptions& options) {
    if (options.start_serving()) core->start_serving();
    return Server(std::move(core));
}

} // namespace

Coro<Server> listen_on_hosts(Ref<ServerCore> core, std::vector<std::string> hosts, std::uint16_t port,
                             ServerOptions options) {
    if (hosts.empty()) throw ValueError("start_server: there must be at least one host");
    const LookupOptions lookup =
        LookupOptions().family(options.family()).socket_type(SocketType::stream).passive();
    std::vector<Address> addresses;
    for (const std::string& host : hosts) {
        const std::vector<AddressInfo> found = co_await getaddrinfo(host, port, lookup);
        add_addresses(addresses, found);
    }
    const uv::ListenOptions listen =
        uv::ListenOptions().backlog(options.backlog()).reuse_port(options.reuse_port()).ipv6_only(true);
    std::exception_ptr skipped;
    for (const Address& address : addresses) {
        try {
            core->add(uv::listen_tcp(address, listen));
        } catch (const std::system_error& error) {
            if (!is_of_no_use_here(error.code())) throw;
            skipped = std::current_exception();
        }
    }
    if (core->sockets().empty()) std::rethrow_exception(skipped);
    co_return serve(std::move(core), options);
}

Coro<Server> listen_on_path(Ref<ServerCore> core, std::string path, ServerOptions options) {
    uv::remove_stale_socket(path);
    uv::Descriptor socket = uv::listen_unix(path, options.backlog());
    uv::SocketFile file = options.cleanup_socket() ? uv::SocketFile(path) : uv::SocketFile();
    core->add(std::move(socket), std::move(file));
    co_return serve(std::move(core), options);
}

Coro<Server> listen_on_descriptor(Ref<ServerCore> core, uv::Descriptor socket, ServerOptions options) {
    const uv::DescriptorKind kind = uv::kind_of(socket);
    if (kind != uv::DescriptorKind::tcp && kind != uv::DescriptorKind::pipe)
        throw ValueError("start_server: descriptor " + std::to_string(socket.get()) +
                         " is neither a TCP nor a Unix domain socket");
    uv::listen_on(socket, options.backlog());
    core->add(std::move(socket));
    co_return serve(std::move(core), options);
}

} // namespace detail
} // namespace aio
