// Calls that workers are given ahead: when, and when they are taken back.
//
// Only when there is no better place for them: every worker that there may be is there, and has a call; and
// only to workers whose calls are short. What has not begun is taken back for a worker that has none and
// finds none in the queue, when there can be more workers, and when a call turns out not to be short. So
// whoever looks from outside sees a queue, with an order that is no more than a few milliseconds off: a call
// does not wait behind a long one while others pass it, it can be cancelled, it is not hit by what happens to
// the call before it, and one of a higher priority comes first.

#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace aio::detail {

void ProcessPoolCore::worker_heard(ProcessWorker& heard) noexcept {
    const auto keep = shared_from_this();
    const TimePoint now = loop_->time();
    heard.note_heard(now);
    bool taken = false;
    for (const WorkerRef& worker : workers_) {
        if (!worker->holds_up(now)) continue;
        take_back(*worker, worker->ahead());
        taken = true;
    }
    if (taken)
        dispatch();
    else
        give_ahead();
}

void ProcessPoolCore::give_ahead() {
    drop_done();
    if (queue_.empty() || !queue_.in_order_of_coming()) return;
    if (staying() < settings_.max_workers || starting() > 0) return;
    const TimePoint now = loop_->time();
    hungry_.clear();
    try {
        for (const WorkerRef& worker : workers_)
            if (worker->wants_ahead(now)) hungry_.push_back(worker.get());
        // One each, as long as they can, beginning with those that have the fewest: all get as many.
        std::ranges::sort(hungry_, {}, &ProcessWorker::ahead);
        for (bool more = true; more;) {
            more = false;
            for (ProcessWorker* const worker : hungry_) {
                if (!worker->can_take_ahead()) continue;
                more = !queue_.empty() && worker->put_ahead(queue_.front());
                if (!more) break;
                queue_.pop_front();
            }
        }
    } catch (const std::bad_alloc&) {
        // The rest stays in the queue.
    }
    for (ProcessWorker* const worker : hungry_) worker->send_ahead();
}

/// For a worker that has none: half of what the one with the most has, or else whatever can be had.
bool ProcessPoolCore::share_ahead() {
    const auto most =
        std::ranges::max_element(workers_, {}, [](const WorkerRef& worker) { return worker->ahead(); });
    if (most == workers_.end() || (*most)->ahead() == 0) return false;
    take_back(**most, ((*most)->ahead() + 1) / 2);
    if (queue_.empty()) take_back_all();
    return !queue_.empty();
}

void ProcessPoolCore::take_back(ProcessWorker& worker, std::size_t most) {
    for (; most > 0; --most) {
        auto entry = worker.withdraw_last();
        if (!entry) return;
        queue_.put_back(std::move(*entry));
    }
}

void ProcessPoolCore::take_back_all() {
    for (const WorkerRef& worker : workers_) take_back(*worker, worker->ahead());
}

} // namespace aio::detail
