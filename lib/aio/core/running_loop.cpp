#include <aio/core/running_loop.hpp>

#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>

namespace aio {
namespace {

constinit thread_local detail::LoopState* running = nullptr;

} // namespace

namespace detail {

LoopState* running_loop_state() noexcept { return running; }

RunningLoopScope::RunningLoopScope(LoopState* state) noexcept : previous_(std::exchange(running, state)) {}

RunningLoopScope::~RunningLoopScope() { running = previous_; }

} // namespace detail

EventLoop& get_running_loop() {
    if (running == nullptr) throw RuntimeError("no running event loop");
    return running->require_loop();
}

} // namespace aio
