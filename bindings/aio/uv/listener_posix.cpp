#include <aio/uv/listener.hpp>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <aio/uv/detail/address_access.hpp>
#include <aio/uv/detail/unix_address_posix.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/unix_socket.hpp>

namespace aio::uv {
namespace {

using detail::UnixAddress;

/// So many connections that have failed already are passed over at a time.
constexpr int most_skipped = 64;

/// Makes a descriptor non-blocking and closed on exec.
void prepare(int fd) noexcept {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

std::string unnamed(const Descriptor& socket) { return "descriptor " + std::to_string(socket.get()); }

Descriptor make_socket(int family, const std::string& what) {
    Descriptor fd(::socket(family, SOCK_STREAM, 0));
    if (!fd.valid()) throw_error(-errno, what);
    prepare(fd.get());
    return fd;
}

void set_option(const Descriptor& fd, int level, int option, bool on, const std::string& what) {
    const int value = on ? 1 : 0;
    if (::setsockopt(fd.get(), level, option, &value, sizeof value) != 0) throw_error(-errno, what);
}

void bind_and_listen(const Descriptor& fd, const void* address, std::size_t size, int backlog,
                     const std::string& what) {
    if (::bind(fd.get(), static_cast<const sockaddr*>(address), static_cast<socklen_t>(size)) != 0)
        throw_error(-errno, what);
    if (::listen(fd.get(), backlog) != 0) throw_error(-errno, what);
}

/// A connection that failed before it was accepted is the peer's affair. Linux tells the network's errors
/// that wait on the connection as those of accepting it: accept(2) has the list.
bool failed_before(int error) noexcept {
    switch (error) {
    case ECONNABORTED:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENETDOWN:
    case ENETUNREACH:
    case ENOPROTOOPT:
    case EPROTO: return true;
    default: return false;
    }
}

} // namespace

Descriptor listen_tcp(const Address& address, const ListenOptions& options) {
    const std::string what = "listen on " + address.to_string();
    Descriptor fd = make_socket(address.is_ipv6() ? AF_INET6 : AF_INET, what);
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, true, what);
    if (options.reuse_port()) set_option(fd, SOL_SOCKET, SO_REUSEPORT, true, what);
    if (address.is_ipv6()) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6_only(), what);
    const sockaddr_storage storage = AddressAccess::to(address);
    bind_and_listen(fd, &storage, address.is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in),
                    options.backlog(), what);
    return fd;
}

Descriptor listen_unix(std::string_view path, int backlog) {
    const std::string what = "listen on " + printable_path(path);
    const UnixAddress address(path, what);
    Descriptor fd = make_socket(AF_UNIX, what);
    bind_and_listen(fd, &address.name, address.size, backlog, what);
    return fd;
}

void listen_on(const Descriptor& socket, int backlog) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0) return;
    if (::listen(socket.get(), backlog) != 0) throw_error(-errno, "listen on " + place_of(socket));
}

Address local_address(const Descriptor& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        throw_error(-errno, "get the address of a socket");
    return AddressAccess::from(storage);
}

std::string place_of(const Descriptor& socket) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage), &size) != 0)
        return unnamed(socket);
    if (storage.ss_family != AF_UNIX) return AddressAccess::from(storage).to_string();
    sockaddr_un name{};
    std::memcpy(&name, &storage, sizeof name);
    const std::size_t before = offsetof(sockaddr_un, sun_path);
    std::string path(name.sun_path, size > before ? size - before : 0);
    // A path ends with a byte 0, an abstract name begins with one.
    if (!path.empty() && path.front() != '\0') path.resize(std::strlen(path.c_str()));
    return path.empty() ? unnamed(socket) : printable_path(path);
}

Listener::Accepted Listener::accept() noexcept {
    // When none but such connections come the caller hears of the others in the next turn: they must not keep
    // the loop from everything else.
    for (int skipped = 0; skipped < most_skipped; ++skipped) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
#if defined(__linux__)
        const int fd =
            ::accept4(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
        const int fd = ::accept(socket_.get(), reinterpret_cast<sockaddr*>(&peer), &size);
        if (fd >= 0) prepare(fd);
#endif
        if (fd >= 0) return Accepted(AcceptedConnection(Descriptor(fd), AddressAccess::if_internet(peer)));
        if (errno == EINTR || failed_before(errno)) continue;
        return Accepted(errno == EWOULDBLOCK ? UV_EAGAIN : -errno);
    }
    return Accepted(UV_EAGAIN);
}

} // namespace aio::uv
