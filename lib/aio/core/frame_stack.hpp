#pragma once

/// The pump: how coroutines call each other without using the machine's stack.
///
/// A task keeps its coroutine frames as an explicit stack, linked from callee to caller. Awaiting a `Coro`
/// pushes its frame, finishing one pops it, and in both cases control returns to the loop in
/// `FrameStack::run`, which resumes whatever is on top. The obvious alternative, symmetric transfer, is a
/// tail call only when the compiler optimises it into one: GCC below -O2, and any build with sanitizers,
/// overflows the machine's stack after some ten thousand awaits. With the pump recursion depth is bounded by
/// memory alone, in every build, for about the same price. The stack of frames is also what a stack trace of
/// a task is made of.
///
/// Two rules follow. A frame is never destroyed inside `await_suspend` (compilers disagree about what is
/// still used after it); and a suspended chain is torn down from its top here, not by recursion through
/// destructors.

#include <coroutine>
#include <cstddef>
#include <exception>
#include <source_location>

#include <aio/core/frame_pool.hpp>

namespace aio::detail {

class FrameStack;

/// What every coroutine promise of aiouv has in common: its place on a frame stack, the exception it ended
/// with, and where it is in its source: in which function, and at which of its awaits. That is one store of a
/// constant for each of them, in every build, for stack traces that a debugger cannot give.
class PromiseBase : public PoolAllocated {
public:
    /// Suspends for good; the pump goes on with the caller.
    struct FinalAwaiter {
        FinalAwaiter() noexcept {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        inline void await_suspend(std::coroutine_handle<Promise> handle) const noexcept;
        void await_resume() const noexcept {}
    };

    PromiseBase(const PromiseBase&) = delete;
    PromiseBase& operator=(const PromiseBase&) = delete;

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] FinalAwaiter final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { exception_ = std::current_exception(); }

    [[nodiscard]] FrameStack& stack() const noexcept { return *stack_; }
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return exception_; }

    /// Where the coroutine is: at its latest await, or, as long as there was none, at the beginning or the
    /// end of its function, as compilers like it. The name of the function is among it; GCC has its own way
    /// to write that inside the body (see `bare_function_name`).
    [[nodiscard]] const std::source_location& where() const noexcept { return where_; }
    /// The frame that awaits this one, or null.
    [[nodiscard]] const PromiseBase* caller() const noexcept { return caller_; }

protected:
    PromiseBase(std::coroutine_handle<> self, const std::source_location& function) noexcept
        : self_(self), where_(function) {}
    ~PromiseBase() = default;
    void note_await(const std::source_location& where) noexcept { where_ = where; }
    [[nodiscard]] std::coroutine_handle<> self() const noexcept { return self_; }

private:
    friend class FrameStack;
    std::coroutine_handle<> self_;
    /// Where the owner of this frame keeps its handle; cleared when the stack tears the frame down, so that
    /// nobody destroys it twice.
    std::coroutine_handle<>* owner_ = nullptr;
    PromiseBase* caller_ = nullptr;
    FrameStack* stack_ = nullptr;
    std::exception_ptr exception_;
    std::source_location where_;
};

/// The frames of one task, innermost on top.
class FrameStack {
public:
    FrameStack() = default;
    FrameStack(const FrameStack&) = delete;
    FrameStack& operator=(const FrameStack&) = delete;

    [[nodiscard]] bool empty() const noexcept { return top_ == nullptr; }

    /// Puts a frame on top. `owner` is the handle whose holder would destroy the frame.
    void push(PromiseBase& frame, std::coroutine_handle<>& owner) noexcept {
        frame.caller_ = top_;
        frame.stack_ = this;
        frame.owner_ = &owner;
        top_ = &frame;
    }

    /// Takes the top frame off: it is finished, and its owner will destroy it, or it is a generator's that
    /// has yielded and will be pushed again.
    void pop() noexcept { top_ = top_->caller_; }

    /// Resumes the top frame, and whatever is on top then, until a frame suspends on something else than a
    /// call, or none is left.
    void run() noexcept {
        while (top_ != nullptr) {
            PromiseBase* const frame = top_;
            frame->self_.resume();
            if (top_ == frame) return;
        }
    }

    /// Destroys all frames, innermost first, as an exception passing through them would.
    void destroy() noexcept {
        if (top_ != nullptr) tear_down();
    }
    /// Whether this thread is destroying frames that were not run to their end.
    [[nodiscard]] static bool tearing_down() noexcept;

    /// The innermost frame, or null.
    [[nodiscard]] const PromiseBase* top() const noexcept { return top_; }
    /// The number of frames.
    [[nodiscard]] std::size_t depth() const noexcept {
        std::size_t n = 0;
        for (PromiseBase* frame = top_; frame != nullptr; frame = frame->caller_) ++n;
        return n;
    }

protected:
    ~FrameStack() { destroy(); }

private:
    void tear_down() noexcept;
    PromiseBase* top_ = nullptr;
};

template <class Promise>
inline void PromiseBase::FinalAwaiter::await_suspend(std::coroutine_handle<Promise> handle) const noexcept {
    handle.promise().stack().pop();
}

} // namespace aio::detail
