// How a process pool comes to its end.

#include <aio/executors/process_pool_core.hpp>

#include <exception>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/executors/process_errors.hpp>

namespace aio::detail {
namespace {

/// One that waits to be repeated cannot be cancelled any more, but will not run either.
void discard(const PoolEntry& entry) noexcept {
    entry.call->discard();
    entry.call->fail(std::make_exception_ptr(CancelledError()));
}

/// Closes a worker; the calls that were on it are added to `calls`.
void take_calls(ProcessWorker& worker, std::vector<PoolEntry>& calls) {
    WorkerRemains remains = worker.close();
    if (remains.entry.call) calls.push_back(std::move(remains.entry));
    for (std::vector<PoolEntry>* const ahead : {&remains.ahead_begun, &remains.ahead})
        for (PoolEntry& entry : *ahead) calls.push_back(std::move(entry));
}

} // namespace

void ProcessPoolCore::break_pool(const std::string& reason, bool at_once) {
    {
        const std::lock_guard lock(mutex_);
        broken_reason_ = reason;
    }
    const auto keep = shared_from_this();
    start_timeout_.cancel();
    const std::exception_ptr error = std::make_exception_ptr(BrokenProcessPool(reason));
    std::vector<PoolEntry> queue = queue_.take_all();
    const std::vector<WorkerRef> workers = std::exchange(workers_, {});
    for (const WorkerRef& worker : workers) {
        if (launcher_ && worker->pid() > 0) {
            if (at_once)
                launcher_->kill(worker->pid());
            else
                launcher_->terminate(worker->pid());
            if (!at_once) stubborn_.push_back(worker->pid());
        }
        take_calls(*worker, queue);
    }
    if (!stubborn_.empty())
        stubborn_watch_ = loop_->call_later(settings_.kill_grace, [self = weak_from_this()] {
            if (const auto core = self.lock()) core->kill_stubborn();
        });
    for (const PoolEntry& entry : queue) entry.call->fail(error);
    finish_shutdown();
}

void ProcessPoolCore::kill_stubborn() noexcept {
    // Their numbers have not come to mean others: this pool starts no more workers, and the zygote signals
    // none that is not its own.
    for (const int pid : std::exchange(stubborn_, {}))
        if (launcher_) launcher_->kill(pid);
}

void ProcessPoolCore::end_workers(bool at_once) {
    ending_workers_ = true;
    begin_shutdown(true);
    const std::vector<WorkerRef> workers = workers_;
    for (const WorkerRef& worker : workers) {
        worker->doom();
        if (worker->pid() < 0 || !launcher_)
            // It is killed as soon as its number is known.
            worker->lose("its pool has ended its workers");
        else if (at_once)
            launcher_->kill(worker->pid());
        else
            launcher_->terminate(worker->pid());
    }
}

void ProcessPoolCore::begin_shutdown(bool cancel_queued) {
    refuse();
    const auto keep = shared_from_this();
    shutting_down_ = true;
    idle_watch_.cancel();
    if (cancel_queued) {
        take_back_all();
        for (const PoolEntry& entry : queue_.take_all()) discard(entry);
    }
    dispatch();
}

void ProcessPoolCore::finish_shutdown() {
    if (!shutting_down_ || !queue_.empty()) return;
    // An idle worker ends when its pipe does; its exit removes it from the list.
    for (const WorkerRef& worker : workers_)
        if (worker->can_take_call()) finish(*worker);
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
    stubborn_watch_.cancel();
    const bool can_tell = loop_ != nullptr && !loop_->is_closed();
    loop_ = nullptr;
    held_by_loop_.reset();
    const std::vector<WorkerRef> workers = std::exchange(workers_, {});
    std::vector<PoolEntry> queue = queue_.take_all();
    kill_stubborn();
    for (const WorkerRef& worker : workers) {
        if (worker->can_take_call()) worker->finish();
        // Nobody will watch whether it leaves, which it cannot while it is stopped.
        if (worker->finishing() && launcher_)
            launcher_->resume(worker->pid());
        else if (launcher_ && worker->pid() > 0 && !worker->finishing())
            launcher_->kill(worker->pid());
        take_calls(*worker, queue);
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
