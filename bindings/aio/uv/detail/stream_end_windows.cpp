#include <winsock2.h>

#include <aio/uv/detail/stream_block.hpp>

namespace aio::uv::detail {

void StreamBlock::reading_ended(int status) noexcept { reader->ended(status == UV_EOF ? 0 : status); }

void StreamBlock::end_writing() noexcept {
    uv_os_fd_t fd = INVALID_HANDLE_VALUE;
    if (handle.base.type == UV_TCP && uv_fileno(&handle.base, &fd) == 0)
        ::shutdown(reinterpret_cast<SOCKET>(fd), SD_SEND);
}

} // namespace aio::uv::detail
