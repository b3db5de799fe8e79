#pragma once

/// Not installed: the system's form of a Unix domain socket's address.

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

#include <aio/uv/error.hpp>

namespace aio::uv::detail {

class UnixAddress {
public:
    /// Throws `std::system_error` (invalid_argument, filename_too_long) that begins with `what`.
    UnixAddress(std::string_view path, const std::string& what) {
        name.sun_family = AF_UNIX;
        const bool abstract = !path.empty() && path.front() == '\0';
        // The system would cut the path off at a byte 0, and an empty one has a meaning of its own.
        if (path.empty() || (!abstract && path.find('\0') != std::string_view::npos))
            throw_error(UV_EINVAL, what);
#if !defined(__linux__)
        if (abstract) throw_error(UV_EINVAL, what);
#endif
        // An abstract name needs no byte 0 at its end.
        if (path.size() + (abstract ? 0 : 1) > sizeof name.sun_path) throw_error(UV_ENAMETOOLONG, what);
        std::memcpy(name.sun_path, path.data(), path.size());
        size = abstract ? offsetof(sockaddr_un, sun_path) + path.size() : sizeof name;
    }

    sockaddr_un name{};
    std::size_t size = 0;
};

} // namespace aio::uv::detail
