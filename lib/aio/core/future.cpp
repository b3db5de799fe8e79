#include <aio/core/future.hpp>

#include <aio/core/task_state.hpp>

namespace aio::detail {

void check_awaitable(const TaskCore& awaiting, FutureState& future) {
    const TaskState* const self = future.as_task();
    if (static_cast<const TaskCore*>(self) == &awaiting)
        throw RuntimeError("Task cannot await on itself: " + self->name());
    if (&future.loop() != &awaiting.loop())
        throw RuntimeError(static_cast<const TaskState&>(awaiting).name() + " awaits a " + future.kind() +
                           " that is attached to a different loop");
    future.loop().check_open();
}

void FutureAwaiterBase::settle() const noexcept {
    // Without a suspension there was no wait that a cancellation could have ended.
    if (waited() && future_->raises_cancelled()) static_cast<TaskState&>(task()).settle_pending_cancel();
}

std::string describe_future(FutureState& future) {
    const TaskState* const task = future.as_task();
    return task == nullptr ? std::string(future.kind()) : "Task '" + task->name() + "'";
}

void add_done_callback(FutureState& future, DoneCallback& callback) {
    future.loop().check_open();
    if (future.done()) {
        callback.fire();
        return;
    }
    callback.retain();
    future.add_callback(callback);
}

std::size_t remove_done_callback(FutureState& future, const std::type_info& type, const void* function) {
    std::size_t removed = 0;
    for (FutureCallback* next = nullptr;;) {
        next = nullptr;
        future.for_each_callback([&](FutureCallback& callback) {
            const auto* done = dynamic_cast<DoneCallback*>(&callback);
            if (next == nullptr && done != nullptr && done->equals(type, function)) next = &callback;
        });
        if (next == nullptr) return removed;
        next->unlink();
        next->on_abandoned();
        ++removed;
    }
}

} // namespace aio::detail
