#include <aio/uv/listener.hpp>

#include <string>

#include <aio/uv/detail/address_access.hpp>
#include <aio/uv/detail/winsock_windows.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {
namespace {

using detail::own_socket;
using detail::socket_of;
using detail::winsock_error;

/// Makes a socket non-blocking, and keeps it from child processes.
void prepare(const Descriptor& socket) noexcept {
    u_long on = 1;
    ::ioctlsocket(socket_of(socket), FIONBIO, &on);
    ::SetHandleInformation(reinterpret_cast<HANDLE>(socket_of(socket)), HANDLE_FLAG_INHERIT, 0);
}

} // namespace

// There is no SO_REUSEADDR: a port may be bound again at once without it, and with it even while another
// process listens there.
Descriptor listen_tcp(const Address& address, const ListenOptions& options) {
    const std::string what = "listen on " + address.to_string();
    if (options.reuse_port()) throw_error(UV_ENOTSUP, what + ": Windows cannot share a port among listeners");
    check(detail::start_winsock(), what);
    Descriptor socket = own_socket(::socket(address.is_ipv6() ? AF_INET6 : AF_INET, SOCK_STREAM, 0));
    if (!socket.valid()) throw_error(winsock_error(), what);
    prepare(socket);
    if (address.is_ipv6()) {
        const DWORD only = options.ipv6_only() ? 1 : 0;
        if (::setsockopt(socket_of(socket), IPPROTO_IPV6, IPV6_V6ONLY, reinterpret_cast<const char*>(&only),
                         sizeof only) != 0)
            throw_error(winsock_error(), what);
    }
    const sockaddr_storage storage = AddressAccess::to(address);
    const int size = address.is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    if (::bind(socket_of(socket), reinterpret_cast<const sockaddr*>(&storage), size) != 0 ||
        ::listen(socket_of(socket), options.backlog()) != 0)
        throw_error(winsock_error(), what);
    return socket;
}

Descriptor listen_unix(std::string_view path, int) {
    throw_error(UV_ENOTSUP, "listen on " + std::string(path) +
                                ": Windows has no Unix domain sockets that aiouv could use");
}

void listen_on(const Descriptor& socket, int backlog) {
    int listens = 0;
    int size = sizeof listens;
    if (::getsockopt(socket_of(socket), SOL_SOCKET, SO_ACCEPTCONN, reinterpret_cast<char*>(&listens),
                     &size) == 0 &&
        listens != 0)
        return;
    if (::listen(socket_of(socket), backlog) != 0)
        throw_error(winsock_error(), "listen on " + place_of(socket));
}

Address local_address(const Descriptor& socket) {
    sockaddr_storage storage{};
    int size = sizeof storage;
    if (::getsockname(socket_of(socket), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        throw_error(winsock_error(), "get the address of a socket");
    return AddressAccess::from(storage);
}

std::string place_of(const Descriptor& socket) {
    sockaddr_storage storage{};
    int size = sizeof storage;
    if (::getsockname(socket_of(socket), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return "socket " + std::to_string(socket.get());
    return AddressAccess::from(storage).to_string();
}

Listener::Accepted Listener::accept() noexcept {
    for (;;) {
        sockaddr_storage peer{};
        int size = sizeof peer;
        Descriptor connection =
            own_socket(::accept(socket_of(socket_), reinterpret_cast<sockaddr*>(&peer), &size));
        if (connection.valid()) {
            prepare(connection);
            return Accepted(AcceptedConnection(std::move(connection), AddressAccess::if_internet(peer)));
        }
        const int error = ::WSAGetLastError();
        // A connection that failed before it was accepted is the peer's affair.
        if (error == WSAECONNRESET || error == WSAECONNABORTED || error == WSAEINTR) continue;
        return Accepted(error == WSAEWOULDBLOCK ? UV_EAGAIN : uv_translate_sys_error(error));
    }
}

} // namespace aio::uv
