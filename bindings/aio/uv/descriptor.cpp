#include <aio/uv/descriptor.hpp>

#include <unistd.h>

namespace aio::uv {

void Descriptor::close() noexcept {
    if (fd_ >= 0)
        ::close(std::exchange(fd_, -1));
}

} // namespace aio::uv
