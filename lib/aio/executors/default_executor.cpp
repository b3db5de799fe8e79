#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/executors/executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/executors/work_queue_executor.hpp>
#include <aio/executors/wrap_future.hpp>
#include <aio/structure/wait_for.hpp>

namespace aio {
namespace {

/// Shuts an executor down in a thread of its own, because that blocks.
Future<> shutdown_in_thread(EventLoop& loop, std::shared_ptr<Executor> executor) {
    ConcurrentFuture<> finished;
    // Running, so that nobody who no longer waits can cancel it: the thread sets its result in any case.
    static_cast<void>(finished.set_running_or_notify_cancel());
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

/// What an executor that does not end is doing, as far as it can tell.
std::string what_blocks(const Executor& executor) {
    if (const auto* work_queue = dynamic_cast<const WorkQueueExecutor*>(&executor))
        return detail::describe_blocking(work_queue->statistics());
    if (const auto* threads = dynamic_cast<const ThreadPoolExecutor*>(&executor))
        return detail::describe_blocking(threads->statistics());
    const std::vector<RunningCall> running = executor.running_calls();
    return running.empty() ? std::string() : "still running: " + describe(running);
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
    if (const std::string blocking = what_blocks(*default_executor_); !blocking.empty())
        context.message += ": " + blocking;
    call_exception_handler(context);
}

} // namespace aio
