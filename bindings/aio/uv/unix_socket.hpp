#pragma once

/// Unix domain sockets by their paths: connecting, and the files that listening leaves behind.

#include <cstdint>
#include <string>
#include <string_view>

#include <aio/uv/descriptor.hpp>

namespace aio::uv {

/// Connects to the socket that listens at `path` (on Linux also an abstract name, which begins with a byte
/// 0). That takes no time: it is accepted into the listener's backlog, or refused. Throws `std::system_error`
/// naming the path, with resource_unavailable_try_again when the backlog is full; on Windows always
/// (not_supported). The socket is non-blocking and closed on exec.
[[nodiscard]] Descriptor connect_unix(std::string_view path);

/// The path for messages: of an abstract name the first byte is shown as "@".
[[nodiscard]] std::string printable_path(std::string_view path);

/// Removes the file at `path` if it is a socket; one that a server has left, to make room for the next. What
/// is no socket, or cannot be removed, stays.
void remove_stale_socket(std::string_view path) noexcept;

/// The file of a listening socket, to be removed when that closes.
class SocketFile {
public:
    SocketFile() noexcept = default;
    /// Remembers which file is at `path` now; an abstract name has none.
    explicit SocketFile(std::string_view path);
    /// Removes the file, if it is still the same one: somebody else may listen there by now.
    void remove() noexcept;

private:
    std::string path_;
    std::uint64_t device_ = 0;
    std::uint64_t inode_ = 0;
};

} // namespace aio::uv
