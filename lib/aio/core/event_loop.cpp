#include <aio/core/event_loop.hpp>

#include <cstdio>
#include <exception>

#include <aio/core/generator_frame.hpp>
#include <aio/core/reactor.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/core/task_report.hpp>
#include <aio/uv/loop.hpp>

namespace aio {
namespace {

/// Stops the loop, through its queue, once the future that a run call waits for is done.
class StopWhenDone final : public detail::DoneCallback {
public:
    StopWhenDone(detail::LoopState& state, detail::FutureState& future) noexcept
        : DoneCallback(state, Context(), future) {}
    [[nodiscard]] bool equals(const std::type_info&, const void*) const noexcept override { return false; }
    /// The run call has ended, for whatever reason.
    void call_off() noexcept {
        cancel();
        if (!linked()) return;
        unlink();
        on_abandoned();
    }

private:
    void invoke() override { loop().require_loop().stop(); }
};

} // namespace

EventLoop::EventLoop(Clock& clock, uv::NativeLoop* adopted)
    : state_(new detail::LoopState(*this, clock)),
      reactor_(std::make_unique<detail::Reactor>(*this, adopted)),
      mailbox_(std::make_shared<detail::Mailbox>(reactor_->wake())) {}

EventLoop::EventLoop() : EventLoop(SteadyClock::instance(), nullptr) {}

EventLoop::EventLoop(Clock& clock) : EventLoop(clock, nullptr) {}

EventLoop::EventLoop(uv::NativeLoop* adopted) : EventLoop(SteadyClock::instance(), adopted) {}

EventLoop::~EventLoop() {
    if (running_ || detail::running_loop_state() == state_.get()) {
        std::fputs("aiouv: an event loop was destroyed while it was running\n", stderr);
        std::terminate();
    }
    close();
    state_->loop = nullptr;
}

void EventLoop::close() {
    // The second case is that of an adopted loop, which its owner runs.
    if (running_ || detail::running_loop_state() == state_.get())
        throw RuntimeError("Cannot close a running event loop");
    if (state_->closed) return;
    mailbox_->close();
    // References, because a task that is destroyed may queue another that has been destroyed before.
    std::vector<detail::Ref<detail::FutureState>> pending;
    pending.reserve(state_->task_count);
    state_->tasks.for_each([&](detail::TaskState& task) { pending.emplace_back(&task.future()); });
    state_->closed = true;
    state_->closing = true;
    while (detail::ReadyItem* item = state_->ready.pop()) item->drop();
    while (detail::TaskState* task = state_->tasks.front()) task->abandon();
    state_->timers.fire_due(TimePoint::max());
    while (detail::ReadyItem* item = state_->ready.pop()) item->drop();
    while (detail::LoopResource* resource = state_->resources.pop_front()) resource->loop_closing();
    // Frames of generators that stand at a yield belong to others.
    while (state_->generators.pop_front() != nullptr) {
    }
    state_->closing = false;
    default_executor_.reset();
    signals_.reset();
    reactor_.reset();
}

void EventLoop::check_runnable() const {
    state_->check_open();
    if (running_) throw RuntimeError("This event loop is already running");
    if (detail::running_loop_state() != nullptr)
        throw RuntimeError("Cannot run the event loop while another loop is running in this thread");
}

bool EventLoop::run_reactor(bool for_a_future) {
    check_runnable();
    bool alive = true;
    {
        const detail::RunningLoopScope scope(state_.get());
        running_ = true;
        alive = reactor_->run(for_a_future);
        running_ = false;
        stopping_ = false;
    }
    if (state_->escaped) std::rethrow_exception(std::exchange(state_->escaped, nullptr));
    return alive;
}

void EventLoop::run_forever() { static_cast<void>(run_reactor(false)); }

void EventLoop::run_until_done(detail::FutureState& future) {
    if (&future.loop() != state_.get())
        throw RuntimeError("The future belongs to a different loop than the one that is to run it");
    state_->check_open();
    const detail::Ref<detail::FutureState> keep(&future);
    const detail::Ref<StopWhenDone> stop_when_done(new StopWhenDone(*state_, future));
    detail::add_done_callback(future, *stop_when_done);
    bool alive = true;
    try {
        alive = run_reactor(true);
    } catch (...) {
        stop_when_done->call_off();
        if (future.done()) future.mark_retrieved();
        throw;
    }
    stop_when_done->call_off();
    if (future.done()) return;
    if (!alive) throw DeadlockError(detail::describe_deadlock(*state_));
    throw RuntimeError("Event loop stopped before Future completed.");
}

void EventLoop::check_schedulable() const {
    state_->check_open();
    if (running_ && detail::running_loop_state() != state_.get())
        throw RuntimeError(
            "Non-thread-safe operation: the loop runs in another thread; use call_soon_threadsafe");
    if (!running_ && detail::running_loop_state() != state_.get()) reactor_->expect_work();
}

void EventLoop::deliver_posts() noexcept { reactor_->deliver_posts(); }

void EventLoop::start_task(detail::TaskState& task, bool eagerly) {
    // Nothing may run a task before the loop runs: then it starts as others do.
    if (!eagerly || detail::running_loop_state() != state_.get()) {
        task.start();
        return;
    }
    task.start_eagerly();
    if (state_->escaped) {
        task.future().mark_retrieved();
        std::rethrow_exception(std::exchange(state_->escaped, nullptr));
    }
}

std::vector<AnyTask> EventLoop::all_tasks() const {
    std::vector<AnyTask> tasks;
    tasks.reserve(state_->task_count);
    state_->tasks.for_each([&](detail::TaskState& task) {
        tasks.emplace_back(detail::Ref<detail::FutureState>(&task.future()));
    });
    return tasks;
}

AnyTask EventLoop::current_task() const noexcept {
    if (state_->current_task == nullptr) return AnyTask();
    return AnyTask(detail::Ref<detail::FutureState>(&state_->current_task->future()));
}

void EventLoop::call_exception_handler(const ErrorContext& context) noexcept {
    if (!exception_handler_) {
        default_exception_handler(context);
        return;
    }
    try {
        // A copy, so that a handler may replace itself.
        const ExceptionHandler handler = exception_handler_;
        handler(*this, context);
    } catch (const BaseError&) {
        state_->escaped = std::current_exception();
    } catch (...) {
        ErrorContext second;
        second.message = "Exception in the exception handler";
        second.exception = std::current_exception();
        default_exception_handler(second);
        default_exception_handler(context);
    }
}

void EventLoop::default_exception_handler(const ErrorContext& context) noexcept { report_to_stderr(context); }

void EventLoop::shuffle_ready(std::uint64_t seed) {
    state_->check_open();
    reactor_->shuffle(seed);
}

void EventLoop::count_background_handle(int change) noexcept {
    if (reactor_) reactor_->count_background_handle(change);
}

void EventLoop::expect_post() noexcept {
    if (reactor_) reactor_->expect_post(1);
}

void EventLoop::expect_post_no_longer() noexcept {
    if (reactor_) reactor_->expect_post(-1);
}

uv::Loop& EventLoop::bindings() {
    state_->check_open();
    return reactor_->uv();
}

uv::NativeLoop* EventLoop::native() { return bindings().native(); }

} // namespace aio
