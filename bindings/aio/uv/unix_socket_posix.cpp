#include <aio/uv/unix_socket.hpp>

#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <aio/uv/detail/unix_address_posix.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {
namespace {

/// Not so an abstract name, nor one that the system would cut off.
bool is_file(std::string_view path) noexcept {
    return !path.empty() && path.find('\0') == std::string_view::npos;
}

} // namespace

Descriptor connect_unix(std::string_view path) {
    const std::string what = "connect to " + printable_path(path);
    const detail::UnixAddress address(path, what);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    if (!socket.valid()) throw_error(-errno, what);
    ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
    ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
    int result = 0;
    do {
        result = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.name),
                           static_cast<socklen_t>(address.size));
    } while (result != 0 && errno == EINTR);
    if (result != 0) throw_error(-errno, what);
    return socket;
}

void remove_stale_socket(std::string_view path) noexcept {
    if (!is_file(path)) return;
    struct stat status{};
    try {
        const std::string name(path);
        if (::stat(name.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(name.c_str());
    } catch (const std::bad_alloc&) {
        // Whoever listens there next is told that the path is in use.
    }
}

SocketFile::SocketFile(std::string_view path) {
    if (!is_file(path)) return;
    std::string name(path);
    struct stat status{};
    if (::stat(name.c_str(), &status) != 0) return;
    device_ = static_cast<std::uint64_t>(status.st_dev);
    inode_ = static_cast<std::uint64_t>(status.st_ino);
    path_ = std::move(name);
}

void SocketFile::remove() noexcept {
    if (path_.empty()) return;
    struct stat status{};
    if (::stat(path_.c_str(), &status) == 0 && static_cast<std::uint64_t>(status.st_dev) == device_ &&
        static_cast<std::uint64_t>(status.st_ino) == inode_)
        ::unlink(path_.c_str());
    path_.clear();
}

} // namespace aio::uv
