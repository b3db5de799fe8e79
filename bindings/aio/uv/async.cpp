#include <aio/uv/async.hpp>

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

using Block = detail::HandleBlock<uv_async_t, detail::CallbackState>;
Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

} // namespace

Async::Async(Loop& loop, Callback callback) {
    auto* block = Block::create(
        [&](uv_async_t* h) {
            return uv_async_init(loop.native(), h,
                                 [](uv_async_t* async) noexcept { Block::of(async).state.callback(); });
        },
        "create a wake-up handle");
    block->state.callback = callback;
    block_ = block;
}

Async::~Async() { block_of(block_).close(); }

void Async::send() noexcept { uv_async_send(&block_of(block_).handle); }

void Async::keep_alive(bool yes) noexcept {
    if (yes)
        uv_ref(block_of(block_).base());
    else
        uv_unref(block_of(block_).base());
}

} // namespace aio::uv
