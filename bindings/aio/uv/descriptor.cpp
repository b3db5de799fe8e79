#include <aio/uv/descriptor.hpp>

#include <cerrno>
#include <string>

#if defined(_WIN32)
#include <io.h>
#include <winsock2.h>
#else
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <uv.h>

#include <aio/uv/error.hpp>

namespace aio::uv {
#if !defined(_WIN32)
namespace {

constexpr const char* null_device = "/dev/null";
constexpr int first_beyond_standard = 3;

bool is_character_device(int fd) noexcept {
    struct stat status;
    return ::fstat(fd, &status) == 0 && S_ISCHR(status.st_mode);
}

} // namespace
#endif

DescriptorKind kind_of(const Descriptor& descriptor) noexcept {
#if defined(_WIN32)
    if (descriptor.is_socket()) {
        int type = 0;
        int size = sizeof type;
        ::getsockopt(static_cast<SOCKET>(descriptor.get()), SOL_SOCKET, SO_TYPE,
                     reinterpret_cast<char*>(&type), &size);
        return type == SOCK_DGRAM ? DescriptorKind::udp : DescriptorKind::tcp;
    }
#endif
    switch (uv_guess_handle(descriptor.get())) {
    case UV_TCP: return DescriptorKind::tcp;
    case UV_NAMED_PIPE: return DescriptorKind::pipe;
    case UV_UDP: return DescriptorKind::udp;
#if !defined(_WIN32)
    case UV_TTY: return DescriptorKind::device;
    case UV_FILE:
        return is_character_device(descriptor.get()) ? DescriptorKind::device : DescriptorKind::other;
#endif
    default: return DescriptorKind::other;
    }
}

bool is_unconnected_socket(const Descriptor& descriptor) noexcept {
    sockaddr_storage peer{};
#if defined(_WIN32)
    int size = sizeof peer;
    return ::getpeername(static_cast<SOCKET>(descriptor.get()), reinterpret_cast<sockaddr*>(&peer), &size) !=
               0 &&
           ::WSAGetLastError() == WSAENOTCONN;
#else
    socklen_t size = sizeof peer;
    if (::getpeername(descriptor.get(), reinterpret_cast<sockaddr*>(&peer), &size) == 0 || errno == ENOTSOCK)
        return false;
    int listens = 0;
    size = sizeof listens;
    ::getsockopt(descriptor.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size);
    if (listens != 0) return true;
    // The system forgets the peer when that breaks the connection off. Then there are bytes, an error or an
    // end to be read, as there never are in a socket that was not connected.
    pollfd about{descriptor.get(), POLLIN, 0};
    return ::poll(&about, 1, 0) <= 0 || (about.revents & POLLIN) == 0;
#endif
}

void Descriptor::close() noexcept {
    if (fd_ < 0) return;
    const int fd = std::exchange(fd_, -1);
#if defined(_WIN32)
    if (is_socket_)
        ::closesocket(static_cast<SOCKET>(fd));
    else
        ::_close(fd);
#else
    const int error = errno;
    if (is_standard(fd)) {
        const Descriptor null(::open(null_device, O_RDWR | O_CLOEXEC));
        if (null.valid() && ::dup2(null.get(), fd) >= 0) {
            errno = error;
            return;
        }
    }
    // Not repeated after EINTR: the number is free by then.
    ::close(fd);
    // No number but this one was free.
    if (is_standard(fd)) open_standard_descriptors();
    errno = error;
#endif
}

#if !defined(_WIN32)
Descriptor duplicate(const Descriptor& descriptor) {
    Descriptor copy(::fcntl(descriptor.get(), F_DUPFD_CLOEXEC, first_beyond_standard));
    if (!copy.valid()) throw_error(-errno, "duplicate descriptor " + std::to_string(descriptor.get()));
    return copy;
}

Descriptor above_standard(Descriptor descriptor) {
    return is_standard(descriptor.get()) ? duplicate(descriptor) : std::move(descriptor);
}
#endif

void open_standard_descriptors() noexcept {
#if !defined(_WIN32)
    for (int number = 0; is_standard(number); ++number)
        // The lowest number that is free is this one.
        if (::fcntl(number, F_GETFD) < 0) static_cast<void>(::open(null_device, O_RDWR));
#endif
}

} // namespace aio::uv
