// How a process pool comes to its end.

#include <aio/executors/process_pool_core.hpp>

#include <exception>
#include <utility>

#include <aio/executors/process_errors.hpp>

namespace aio::detail {

void ProcessPoolCore::break_pool(const std::string& reason) {
    {
        const std::lock_guard lock(mutex_);
        broken_reason_ = reason;
    }
    const auto keep = shared_from_this();
    start_timeout_.cancel();
    const std::exception_ptr error = std::make_exception_ptr(BrokenProcessPool(reason));
    std::deque<PoolEntry> queue = std::exchange(queue_, {});
    const std::vector<WorkerRef> workers = std::exchange(workers_, {});
    for (const WorkerRef& worker : workers) {
        if (launcher_ && worker->pid() > 0) launcher_->kill(worker->pid());
        if (PoolEntry entry = worker->close().first; entry.call) queue.push_front(std::move(entry));
    }
    for (const PoolEntry& entry : queue) entry.call->fail(error);
    finish_shutdown();
}

void ProcessPoolCore::begin_shutdown(bool cancel_queued) {
    refuse();
    const auto keep = shared_from_this();
    shutting_down_ = true;
    idle_watch_.cancel();
    if (cancel_queued)
        for (const PoolEntry& entry : std::exchange(queue_, {})) entry.call->discard();
    dispatch();
}

void ProcessPoolCore::finish_shutdown() {
    if (!shutting_down_ || !queue_.empty()) return;
    // An idle worker ends when its pipe does; its exit removes it from the list.
    for (const WorkerRef& worker : workers_)
        if (worker->can_take_call()) worker->finish();
    if (!closed()) return;
    start_timeout_.cancel();
    for (Future<>& waiter : std::exchange(close_waiters_, {}))
        if (!waiter.done()) waiter.set_result();
    if (!closed_.done()) closed_.set_result();
}

Future<> ProcessPoolCore::wait_closed() {
    bind();
    if (loop_ == nullptr) throw RuntimeError("wait_closed needs the pool's running loop");
    Future<> waiter = loop_->create_future<>();
    if (closed())
        waiter.set_result();
    else
        close_waiters_.push_back(waiter);
    return waiter;
}

void ProcessPoolCore::loop_closing() noexcept {
    {
        const std::lock_guard lock(mutex_);
        loop_closed_ = true;
    }
    destroy();
}

void ProcessPoolCore::destroy() noexcept {
    const auto keep = shared_from_this();
    refuse();
    LoopResource::unlink();
    start_timeout_.cancel();
    retry_.cancel();
    idle_watch_.cancel();
    const bool can_tell = loop_ != nullptr && !loop_->is_closed();
    loop_ = nullptr;
    held_by_loop_.reset();
    const std::vector<WorkerRef> workers = std::exchange(workers_, {});
    std::deque<PoolEntry> queue = std::exchange(queue_, {});
    for (const WorkerRef& worker : workers) {
        if (worker->can_take_call())
            worker->finish();
        else if (launcher_ && worker->pid() > 0 && !worker->finishing())
            launcher_->kill(worker->pid());
        if (PoolEntry entry = worker->close().first; entry.call) queue.push_back(std::move(entry));
    }
    launcher_.reset();
    const std::exception_ptr destroyed =
        std::make_exception_ptr(RuntimeError("the process pool was destroyed while this call was running"));
    for (const PoolEntry& entry : queue)
        if (!entry.call->state().cancel()) entry.call->fail(destroyed);
    for (Future<>& waiter : std::exchange(close_waiters_, {}))
        if (can_tell && !waiter.done()) waiter.set_result();
    if (!closed_.done()) closed_.set_result();
}

} // namespace aio::detail
