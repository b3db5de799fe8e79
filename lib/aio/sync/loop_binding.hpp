#pragma once

/// To which loop a lock, an event or a queue belongs.
///
/// These objects are made anywhere, also where no loop runs. As in asyncio they belong to the first loop in
/// which somebody has to wait for them, and to that one for good: a wake-up for another loop, perhaps on
/// another thread, could only go wrong.

#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>

namespace aio::detail {

/// The loop of one object, and the object's name for messages.
class LoopBinding {
public:
    /// `owner` is the kind of object, "Lock"; a literal.
    explicit LoopBinding(const char* owner) noexcept : owner_(owner) {}
    LoopBinding(const LoopBinding&) = delete;
    LoopBinding& operator=(const LoopBinding&) = delete;

    [[nodiscard]] const char* owner() const noexcept { return owner_; }

    /// A task of `loop` is going to wait. Binds the object to that loop, or throws `RuntimeError` if it is
    /// bound to another one.
    void bind(LoopState& loop) {
        if (loop_.get() == &loop) return;
        if (loop_) throw_other_loop();
        loop_ = Ref<LoopState>(&loop);
    }

    /// To be called before anybody is woken: throws `RuntimeError` if another loop is running here than the
    /// one the object is bound to.
    void check_here() const {
        if (!loop_) return;
        const LoopState* const running = running_loop_state();
        if (running != nullptr && running != loop_.get()) throw_other_loop();
    }

private:
    [[noreturn]] void throw_other_loop() const;

    const char* owner_;
    Ref<LoopState> loop_;
};

} // namespace aio::detail
