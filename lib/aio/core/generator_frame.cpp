#include <aio/core/generator_frame.hpp>

#include <string>

#include <aio/core/error_context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/task_snapshot.hpp>
#include <aio/core/task_state.hpp>

namespace aio {
namespace detail {

GeneratorHolder::GeneratorHolder(GeneratorFrame& frame) noexcept : frame_(&frame) { frame.holder_ = this; }

GeneratorHolder& GeneratorHolder::operator=(GeneratorHolder&& other) noexcept {
    if (this == &other) return *this;
    drop();
    take(other);
    return *this;
}

void GeneratorHolder::take(GeneratorHolder& other) noexcept {
    frame_ = std::exchange(other.frame_, nullptr);
    ended_ = std::exchange(other.ended_, false);
    if (frame_ != nullptr) frame_->holder_ = this;
}

void GeneratorHolder::drop() noexcept {
    GeneratorFrame* const frame = std::exchange(frame_, nullptr);
    if (frame == nullptr) return;
    frame->holder_ = nullptr;
    if (!frame->running()) frame->self().destroy();
}

GeneratorFrame* GeneratorHolder::frame() const {
    if (frame_ == nullptr && !ended_) throw RuntimeError("this AsyncGenerator has been moved from");
    return frame_;
}

GeneratorFrame::~GeneratorFrame() {
    if (holder_ == nullptr) return;
    holder_->frame_ = nullptr;
    holder_->ended_ = true;
}

void GeneratorFrame::enter(LoopState& loop) {
    if (loop_) {
        if (loop_.get() != &loop) throw RuntimeError("this AsyncGenerator is attached to a different loop");
        return;
    }
    loop_ = Ref<LoopState>(&loop);
    loop.generators.push_back(*this);
    if (loop.generators_shut_down) report_late_start();
}

void GeneratorFrame::report_late_start() const noexcept {
    ErrorContext context;
    context.message = std::string("the asynchronous generator '") +
                      std::string(bare_function_name(where().function_name())) +
                      "' was started after shutdown_asyncgens: nothing will close it";
    if (loop_->current_task != nullptr) context.source = loop_->current_task->name();
    loop_->report(context);
}

bool GeneratorStep::ready_to_run(const char* operation) const {
    if (frame_ == nullptr) return false;
    if (frame_->running())
        throw RuntimeError(std::string(operation) + "(): asynchronous generator is already running");
    return true;
}

void GeneratorStep::begin(TaskCore& task) {
    frame_->enter(task.loop());
    frame_->step_ = this;
    handle_ = frame_->self();
    task.push(*frame_, handle_);
}

bool GeneratorStep::end() {
    frame_->step_ = nullptr;
    if (!handle_.done()) {
        if (frame_->holder_ != nullptr) handle_ = nullptr;
        return true;
    }
    const std::exception_ptr error = frame_->exception();
    destroy_frame();
    if (error) std::rethrow_exception(error);
    return false;
}

void GeneratorStep::destroy_frame() noexcept {
    handle_ = nullptr;
    std::exchange(frame_, nullptr)->self().destroy();
}

bool GeneratorClose::await_ready() {
    if (!ready_to_run("aclose")) return true;
    if (frame()->started()) return false;
    destroy_frame();
    return true;
}

void GeneratorClose::await_resume() {
    if (frame() == nullptr) return;
    try {
        if (!end()) return;
    } catch (const GeneratorExit&) {
        return;
    }
    destroy_frame();
    throw RuntimeError("async generator ignored GeneratorExit");
}

} // namespace detail

Coro<> EventLoop::shutdown_asyncgens() {
    state_->generators_shut_down = true;
    // In a list of their own, from which a generator that is destroyed meanwhile takes itself.
    detail::IntrusiveList<detail::GeneratorFrame> open;
    open.take_all(state_->generators);
    // The youngest first: it may be an item source of an older one, which would destroy it.
    while (detail::GeneratorFrame* generator = open.back()) {
        generator->unlink();
        const std::string name(detail::bare_function_name(generator->where().function_name()));
        std::exception_ptr error;
        try {
            co_await detail::GeneratorClose(generator);
        } catch (const CancelledError&) {
            throw;
        } catch (const BaseError&) {
            throw;
        } catch (...) {
            error = std::current_exception();
        }
        if (!error) continue;
        ErrorContext context;
        context.message = "an error occurred during closing of the asynchronous generator '" + name + "'";
        context.exception = error;
        call_exception_handler(context);
    }
}

} // namespace aio
