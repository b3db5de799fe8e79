#include <aio/uv/signal.hpp>

#include <string>

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/detail/watched_signals_private.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

using Block = detail::HandleBlock<uv_signal_t, detail::CallbackState>;
Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

} // namespace

Signal::Signal(Loop& loop)
    : block_(Block::create([&](uv_signal_t* h) { return uv_signal_init(loop.native(), h); },
                           "create a signal handle")) {
    uv_unref(block_of(block_).base());
}

Signal::~Signal() {
    stop();
    block_of(block_).close();
}

void Signal::start(int signum, Callback callback) {
    Block& block = block_of(block_);
    const std::string what = "watch for signal " + std::to_string(signum);
    if (!detail::can_be_watched(signum)) throw_error(UV_EINVAL, what);
    const int before = block.handle.signum;
    block.state.callback = callback;
    check(uv_signal_start(
              &block.handle, [](uv_signal_t* h, int) noexcept { Block::of(h).state.callback(); }, signum),
          what);
    detail::watch_moved(before, signum);
}

void Signal::stop() noexcept {
    uv_signal_t& handle = block_of(block_).handle;
    const int before = handle.signum;
    uv_signal_stop(&handle);
    detail::watch_moved(before, 0);
}

} // namespace aio::uv
