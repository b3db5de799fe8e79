#include <memory>
#include <thread>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/executors/executor.hpp>
#include <aio/executors/work_queue_executor.hpp>
#include <aio/executors/wrap_future.hpp>
#include <aio/structure/wait_for.hpp>

namespace aio {
namespace {

/// Shuts an executor down in a thread of its own, because that blocks.
Future<> shutdown_in_thread(EventLoop& loop, std::shared_ptr<Executor> executor) {
    ConcurrentFuture<> finished;
    std::thread([executor = std::move(executor), finished]() mutable {
        try {
            executor->shutdown(true);
            executor.reset();
            finished.set_result();
        } catch (...) {
            finished.set_exception(std::current_exception());
        }
    }).detach();
    return wrap_future(finished, loop);
}

} // namespace

void EventLoop::set_default_executor(std::shared_ptr<Executor> executor) {
    if (!executor) throw ValueError("set_default_executor: the executor is null");
    default_executor_ = std::move(executor);
}

Executor& EventLoop::default_executor() {
    state_->check_open();
    if (default_executor_shut_down_) throw RuntimeError("Executor shutdown has been called");
    if (!default_executor_) default_executor_ = std::make_shared<WorkQueueExecutor>(*this);
    return *default_executor_;
}

Coro<> EventLoop::shutdown_default_executor(Duration timeout) {
    default_executor_shut_down_ = true;
    if (!default_executor_) co_return;
    Future<> ended;
    if (auto* work_queue = dynamic_cast<WorkQueueExecutor*>(default_executor_.get())) {
        work_queue->shutdown(false);
        ended = work_queue->idle();
    } else {
        ended = shutdown_in_thread(*this, default_executor_);
    }
    bool in_time = true;
    try {
        co_await wait_for(ended, timeout);
    } catch (const TimeoutError&) {
        in_time = false;
    }
    if (in_time) {
        default_executor_.reset();
        co_return;
    }
    ErrorContext context;
    context.message = "The default executor did not finish its calls in time; they go on by themselves";
    call_exception_handler(context);
}

} // namespace aio
