#include <aio/uv/detail/process_block.hpp>

namespace aio::uv::detail {

/// libuv remembers which it was: the system knows only that the child was ended.
int send_signal(ProcessBlock& block, int signum) noexcept {
    return uv_process_kill(&block.handle.process, signum);
}

/// There is no such table.
void reap(ProcessBlock&) noexcept {}

} // namespace aio::uv::detail
