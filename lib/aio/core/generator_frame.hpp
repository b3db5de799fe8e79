#pragma once

/// What `AsyncGenerator` is made of: the generator's frame, and one step of it.
///
/// A step (`next` or `aclose`) pushes the frame on the frame stack of the task that awaits it, as awaiting a
/// `Coro` does; a `co_yield` pops it, and the pump goes on with the awaiting frame. So the body runs as a
/// part of whatever task asks for the next item, and neither long loops nor deep nesting use machine stack.
///
/// Who owns the frame: the `AsyncGenerator` object, as long as there is one. If that is dropped while a step
/// runs, perhaps by another task, the frame lies in the middle of a task's stack and cannot be destroyed: the
/// step then owns it, and destroys it when it has got its item. If the stack is torn down during a step (the
/// loop closes), the stack destroys the frame, and the object finds itself closed.

#include <coroutine>
#include <exception>
#include <source_location>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/frame_stack.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>

namespace aio::detail {

class GeneratorFrame;
class GeneratorStep;

/// The `AsyncGenerator` object without its type: owns the frame.
class GeneratorHolder {
public:
    GeneratorHolder(GeneratorHolder&& other) noexcept { take(other); }
    GeneratorHolder& operator=(GeneratorHolder&& other) noexcept;
    ~GeneratorHolder() { drop(); }

    /// The frame, or null when the generator has ended. Throws `RuntimeError` if there never was one.
    [[nodiscard]] GeneratorFrame* frame() const;

protected:
    explicit GeneratorHolder(GeneratorFrame& frame) noexcept;

private:
    friend class GeneratorFrame;
    void take(GeneratorHolder& other) noexcept;
    void drop() noexcept;

    GeneratorFrame* frame_ = nullptr;
    /// There was a frame, and it has ended.
    bool ended_ = false;
};

/// The promise of a generator without its item. Registered with the loop from its first step to its end.
class GeneratorFrame : public PromiseBase, public ListNode {
public:
    /// Gives the item away; throws `GeneratorExit` when the generator is to be closed.
    class YieldAwaiter {
    public:
        explicit YieldAwaiter(const GeneratorFrame& frame) noexcept : frame_(frame) {}
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<>) const noexcept { frame_.stack().pop(); }
        void await_resume() const {
            if (frame_.closing_) throw GeneratorExit();
        }

    private:
        const GeneratorFrame& frame_;
    };

    void return_void() const noexcept {}

    /// A step is on its way: the frame lies on a task's stack.
    [[nodiscard]] bool running() const noexcept { return step_ != nullptr; }
    /// The body has begun.
    [[nodiscard]] bool started() const noexcept { return static_cast<bool>(loop_); }

protected:
    GeneratorFrame(std::coroutine_handle<> self, const std::source_location& function) noexcept
        : PromiseBase(self, function) {}
    ~GeneratorFrame();

private:
    friend class GeneratorHolder;
    friend class GeneratorStep;
    void enter(LoopState& loop);
    void report_late_start() const noexcept;

    GeneratorHolder* holder_ = nullptr;
    GeneratorStep* step_ = nullptr;
    Ref<LoopState> loop_;
    bool closing_ = false;
};

/// Awaiter of one step.
class GeneratorStep : public AwaiterTag {
public:
    GeneratorStep(const GeneratorStep&) = delete;
    GeneratorStep& operator=(const GeneratorStep&) = delete;

protected:
    /// `frame` is null if the generator has ended.
    explicit GeneratorStep(GeneratorFrame* frame) noexcept : frame_(frame) {}
    ~GeneratorStep() {
        if (handle_) handle_.destroy();
    }

    /// Whether there is a body to run. Throws `RuntimeError` if it is running already.
    [[nodiscard]] bool ready_to_run(const char* operation) const;
    /// Puts the frame on the task's stack. Throws `RuntimeError` if it belongs to another loop.
    void begin(TaskCore& task);
    /// The body is to end at its `co_yield`, once it is resumed.
    void close() noexcept { frame_->closing_ = true; }
    /// The step has been run; true: the body has yielded. Otherwise the frame is gone; throws what the body
    /// threw.
    [[nodiscard]] bool end();
    void destroy_frame() noexcept;
    [[nodiscard]] GeneratorFrame* frame() const noexcept { return frame_; }

private:
    GeneratorFrame* frame_;
    /// Set while the stack, or this, may have to destroy the frame.
    std::coroutine_handle<> handle_;
};

/// Awaiter of `aclose`.
class GeneratorClose final : public GeneratorStep {
public:
    explicit GeneratorClose(GeneratorFrame* frame) noexcept : GeneratorStep(frame) {}
    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        this->begin(static_cast<TaskCore&>(caller.promise().stack()));
        this->close();
    }
    void await_resume();
};

} // namespace aio::detail
