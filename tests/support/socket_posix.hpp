#pragma once

/// Sockets of the system's own, at 127.0.0.1.

#include <cstdint>

#include <netinet/in.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <aio/uv/descriptor.hpp>

namespace aio::test {

inline uv::Descriptor new_socket(int family, int type) {
    return uv::Descriptor(::socket(family, type | SOCK_CLOEXEC, 0));
}

inline sockaddr_in loopback_name(std::uint16_t port) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return name;
}

/// Begins to connect, or does it; gives what the system says.
inline int connect_to_loopback(const uv::Descriptor& socket, std::uint16_t port) {
    const sockaddr_in name = loopback_name(port);
    return ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
}

/// A socket that is connected to a port.
inline uv::Descriptor connected_socket(std::uint16_t port, int type = SOCK_STREAM) {
    uv::Descriptor socket = new_socket(AF_INET, type);
    REQUIRE(connect_to_loopback(socket, port) == 0);
    return socket;
}

/// A socket that is bound to a port, by default one that is free, and nothing else.
inline uv::Descriptor bound_socket(int type = SOCK_STREAM, std::uint16_t port = 0) {
    uv::Descriptor socket = new_socket(AF_INET, type);
    const sockaddr_in name = loopback_name(port);
    REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
    return socket;
}

/// Closing it resets its connection, whatever has been read.
inline void reset_when_closed(int socket) {
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
}

} // namespace aio::test
