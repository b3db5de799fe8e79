#pragma once

/// Not installed: what the Windows parts of the bindings need of Winsock.

#include <uv.h>

#include <aio/uv/descriptor.hpp>

namespace aio::uv::detail {

/// Makes Winsock ready for this process; libuv does so only with its first loop. Returns 0 or a libuv error.
int start_winsock() noexcept;

/// The last failure of a Winsock call on this thread, as a libuv error.
int winsock_error() noexcept;

inline Descriptor own_socket(SOCKET socket) noexcept {
    return Descriptor::of_socket(static_cast<int>(socket));
}
inline SOCKET socket_of(const Descriptor& descriptor) noexcept {
    return static_cast<SOCKET>(descriptor.get());
}

} // namespace aio::uv::detail
