#include <aio/sync/queue_base.hpp>

#include <algorithm>

#include <aio/core/errors.hpp>

namespace aio::detail {

void QueueBase::finish(std::size_t count) noexcept {
    unfinished_ -= std::min(count, unfinished_);
    if (unfinished_ == 0) joiners_.release_all();
}

void QueueBase::task_done() {
    if (unfinished_ == 0) throw ValueError("Queue.task_done: called more often than items were put");
    check_here();
    finish(1);
}

void QueueBase::close(std::size_t dropped) noexcept {
    shut_down_ = true;
    if (dropped > 0) finish(dropped);
    while (getters_.wake_first()) {
    }
    while (putters_.wake_first()) {
    }
}

void QueueWait::await_resume() {
    if (!settle()) throw RuntimeError(description() + ": the queue was destroyed while a task waited for it");
}

} // namespace aio::detail
