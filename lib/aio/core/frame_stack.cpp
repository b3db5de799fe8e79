#include <aio/core/frame_stack.hpp>

#include <utility>

namespace aio::detail {
namespace {

constinit thread_local bool is_tearing_down = false;

} // namespace

bool FrameStack::tearing_down() noexcept { return is_tearing_down; }

void FrameStack::tear_down() noexcept {
    const bool outer = std::exchange(is_tearing_down, true);
    while (top_ != nullptr) {
        PromiseBase* const frame = top_;
        top_ = frame->caller_;
        *frame->owner_ = nullptr;
        frame->self_.destroy();
    }
    is_tearing_down = outer;
}

} // namespace aio::detail
