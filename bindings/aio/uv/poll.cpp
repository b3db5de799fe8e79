#include <aio/uv/poll.hpp>

#include <string>

#if !defined(_WIN32)
#include <fcntl.h>
#endif

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

struct State {
    Poll::Handler handler{};
    int wanted = 0;
};
using Block = detail::HandleBlock<uv_poll_t, State>;
Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

static_assert(static_cast<int>(PollEvents::readable) == UV_READABLE &&
              static_cast<int>(PollEvents::writable) == UV_WRITABLE &&
              static_cast<int>(PollEvents::disconnected) == UV_DISCONNECT &&
              static_cast<int>(PollEvents::prioritized) == UV_PRIORITIZED);

/// libuv calls every descriptor bad that has an error to tell, as a connection that was refused or a pipe
/// without a reader, and stops watching it.
bool is_only_in_error([[maybe_unused]] const uv_poll_t* handle) noexcept {
#if defined(_WIN32)
    return false;
#else
    uv_os_fd_t descriptor = -1;
    return uv_fileno(reinterpret_cast<const uv_handle_t*>(handle), &descriptor) == 0 &&
           ::fcntl(descriptor, F_GETFD) >= 0;
#endif
}

void on_event(uv_poll_t* h, int status, int bits) noexcept {
    const State& state = Block::of(h).state;
    // Whoever reads or writes then is told the error.
    if (status == UV_EBADF && is_only_in_error(h)) {
        status = uv_poll_start(h, state.wanted, &on_event);
        bits = state.wanted;
    }
    state.handler.function(state.handler.context, status, static_cast<PollEvents>(bits));
}

} // namespace

Poll::Poll(Loop& loop, int fd, Handler handler) {
    const std::string what = "watch descriptor " + std::to_string(fd);
    // On Windows only sockets can be watched, and their numbers are not those of the C runtime's descriptors.
    auto* block = Block::create(
        [&](uv_poll_t* h) { return uv_poll_init_socket(loop.native(), h, static_cast<uv_os_sock_t>(fd)); },
        what.c_str());
    block->state.handler = handler;
    block_ = block;
}

Poll::~Poll() { block_of(block_).close(); }

void Poll::start(PollEvents events) {
    State& state = block_of(block_).state;
    state.wanted = static_cast<int>(events);
    check(uv_poll_start(&block_of(block_).handle, state.wanted, &on_event), "watch a descriptor");
}

void Poll::stop() noexcept { uv_poll_stop(&block_of(block_).handle); }

bool Poll::active() const noexcept { return uv_is_active(block_of(block_).base()) != 0; }

void Poll::keep_alive(bool yes) noexcept {
    if (yes)
        uv_ref(block_of(block_).base());
    else
        uv_unref(block_of(block_).base());
}

} // namespace aio::uv
