#include <aio/uv/descriptor.hpp>

#if defined(_WIN32)
#include <io.h>
#include <winsock2.h>
#else
#include <unistd.h>
#endif

namespace aio::uv {

void Descriptor::close() noexcept {
    if (fd_ < 0) return;
    const int fd = std::exchange(fd_, -1);
#if defined(_WIN32)
    if (is_socket_)
        ::closesocket(static_cast<SOCKET>(fd));
    else
        ::_close(fd);
#else
    ::close(fd);
#endif
}

} // namespace aio::uv
