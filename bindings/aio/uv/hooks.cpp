#include <aio/uv/hooks.hpp>

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

using PrepareBlock = detail::HandleBlock<uv_prepare_t, detail::CallbackState>;
using CheckBlock = detail::HandleBlock<uv_check_t, detail::CallbackState>;
using IdleBlock = detail::HandleBlock<uv_idle_t, detail::CallbackState>;

PrepareBlock& prepare_block(void* p) noexcept { return *static_cast<PrepareBlock*>(p); }
CheckBlock& check_block(void* p) noexcept { return *static_cast<CheckBlock*>(p); }
IdleBlock& idle_block(void* p) noexcept { return *static_cast<IdleBlock*>(p); }

} // namespace

Prepare::Prepare(Loop& loop, Callback callback) {
    auto* block = PrepareBlock::create([&](uv_prepare_t* h) { return uv_prepare_init(loop.native(), h); },
                                       "create a prepare hook");
    block->state.callback = callback;
    uv_unref(block->base());
    block_ = block;
}

Prepare::~Prepare() { prepare_block(block_).close(); }

void Prepare::start() noexcept {
    uv_prepare_start(&prepare_block(block_).handle,
                     [](uv_prepare_t* h) noexcept { PrepareBlock::of(h).state.callback(); });
}

void Prepare::stop() noexcept { uv_prepare_stop(&prepare_block(block_).handle); }

Check::Check(Loop& loop, Callback callback) {
    auto* block = CheckBlock::create([&](uv_check_t* h) { return uv_check_init(loop.native(), h); },
                                     "create a check hook");
    block->state.callback = callback;
    uv_unref(block->base());
    block_ = block;
}

Check::~Check() { check_block(block_).close(); }

void Check::start() noexcept {
    uv_check_start(&check_block(block_).handle,
                   [](uv_check_t* h) noexcept { CheckBlock::of(h).state.callback(); });
}

void Check::stop() noexcept { uv_check_stop(&check_block(block_).handle); }

Idle::Idle(Loop& loop)
    : block_(IdleBlock::create([&](uv_idle_t* h) { return uv_idle_init(loop.native(), h); },
                               "create an idle hook")) {}

Idle::~Idle() { idle_block(block_).close(); }

void Idle::start() noexcept {
    uv_idle_start(&idle_block(block_).handle, [](uv_idle_t*) noexcept {});
}

void Idle::stop() noexcept { uv_idle_stop(&idle_block(block_).handle); }

} // namespace aio::uv
