#include <aio/uv/timer.hpp>

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

using Block = detail::HandleBlock<uv_timer_t, detail::CallbackState>;
Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

} // namespace

Timer::Timer(Loop& loop, Callback callback) {
    auto* block =
        Block::create([&](uv_timer_t* h) { return uv_timer_init(loop.native(), h); }, "create a timer");
    block->state.callback = callback;
    block_ = block;
}

Timer::~Timer() { block_of(block_).close(); }

void Timer::start(std::uint64_t milliseconds) noexcept {
    uv_timer_t& handle = block_of(block_).handle;
    uv_update_time(handle.loop);
    uv_timer_start(&handle, [](uv_timer_t* h) noexcept { Block::of(h).state.callback(); }, milliseconds, 0);
}

void Timer::stop() noexcept { uv_timer_stop(&block_of(block_).handle); }

void Timer::keep_alive(bool yes) noexcept {
    if (yes)
        uv_ref(block_of(block_).base());
    else
        uv_unref(block_of(block_).base());
}

} // namespace aio::uv
