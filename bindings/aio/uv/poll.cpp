#include <aio/uv/poll.hpp>

#include <string>

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

struct State {
    Poll::Handler handler{};
};
using Block = detail::HandleBlock<uv_poll_t, State>;
Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

static_assert(static_cast<int>(PollEvents::readable) == UV_READABLE &&
              static_cast<int>(PollEvents::writable) == UV_WRITABLE &&
              static_cast<int>(PollEvents::disconnected) == UV_DISCONNECT &&
              static_cast<int>(PollEvents::prioritized) == UV_PRIORITIZED);

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
    const auto on_event = [](uv_poll_t* h, int status, int bits) noexcept {
        const Handler& handler = Block::of(h).state.handler;
        handler.function(handler.context, status, static_cast<PollEvents>(bits));
    };
    check(uv_poll_start(&block_of(block_).handle, static_cast<int>(events), on_event), "watch a descriptor");
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
