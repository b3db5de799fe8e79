#include <aio/uv/detail/process_block.hpp>

namespace aio::uv::detail {

/// libuv remembers which it was: the system knows only that the child was ended. One that has ended, and the
/// loop has not seen it yet, takes a signal all the same, as a zombie does elsewhere.
int send_signal(ProcessBlock& block, int signum) noexcept {
    const int status = uv_process_kill(&block.handle.process, signum);
    return status == UV_ESRCH ? 0 : status;
}

/// There is no such table.
void reap(ProcessBlock&) noexcept {}

} // namespace aio::uv::detail
