#include <aio/uv/unix_socket.hpp>

#include <uv.h>

#include <aio/uv/error.hpp>

namespace aio::uv {

Descriptor connect_unix(std::string_view path) {
    throw_error(UV_ENOTSUP, "connect to " + printable_path(path) +
                                ": Windows has no Unix domain sockets that aiouv could use");
}

void remove_stale_socket(std::string_view) noexcept {}

SocketFile::SocketFile(std::string_view) {}

void SocketFile::remove() noexcept { path_.clear(); }

} // namespace aio::uv
