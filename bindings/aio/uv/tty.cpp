#include <aio/uv/tty.hpp>

#include <string>

#if !defined(_WIN32)
#include <fcntl.h>
#endif

#include <aio/uv/detail/stream_block.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {
namespace {

using detail::StreamBlock;

uv_tty_t& tty_of(StreamBlock* block) {
    if (block == nullptr) throw_error(UV_EBADF, "use of a terminal that is closed");
    return block->handle.tty;
}

bool blocks([[maybe_unused]] int fd) noexcept {
#if defined(_WIN32)
    return false;
#else
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) == 0;
#endif
}

} // namespace

void detail::StreamBlock::make_blocking() noexcept {
#if !defined(_WIN32)
    uv_os_fd_t fd = -1;
    if (uv_fileno(&handle.base, &fd) == 0) ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) & ~O_NONBLOCK);
#endif
}

bool is_terminal(int fd) noexcept { return uv_guess_handle(fd) == UV_TTY; }

void restore_terminal() noexcept { uv_tty_reset_mode(); }

Tty::Tty(Loop& loop, int fd) : Tty(loop, fd, blocks(fd)) {}

Tty::Tty(Loop& loop, int fd, bool blocked)
    : Stream(StreamBlock::create(loop, ("open the terminal of descriptor " + std::to_string(fd)).c_str(),
                                 [&](StreamBlock::Handle& h) {
                                     // A file or a pipe is no terminal; libuv would take some of them.
                                     if (!is_terminal(fd)) return static_cast<int>(UV_ENOTSUP);
                                     return uv_tty_init(loop.native(), &h.tty, fd, 0);
                                 })) {
    // Where libuv has opened the terminal once more, that is what the descriptor stands for from now on.
    block_->blocks_for_others = blocked && descriptor() != fd;
}

void Tty::set_mode(TerminalMode mode) {
    check(uv_tty_set_mode(&tty_of(block_), mode == TerminalMode::raw ? UV_TTY_MODE_RAW : UV_TTY_MODE_NORMAL),
          "set the mode of a terminal");
    block_->raw = mode == TerminalMode::raw;
}

Tty::Size Tty::size() const {
    Size size;
    check(uv_tty_get_winsize(&tty_of(block_), &size.columns, &size.rows), "get the size of a terminal");
    return size;
}

} // namespace aio::uv
