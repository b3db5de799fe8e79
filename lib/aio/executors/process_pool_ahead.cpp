// Calls that workers are given ahead: when, and when they are taken back.
//
// Only when there is no better place for them: every worker that there may be is there, and has a call; and
// only to workers whose calls are short. As soon as a worker has none, what lies with others and has not
// begun is taken back for it; the same when a call turns out not to be short. So whoever looks from outside
// sees a queue: a call does not wait behind a long one while others pass it, it can be cancelled, it is not
// hit by what happens to the call before it, and one of a higher priority comes first.

#include <aio/executors/process_pool_core.hpp>

#include <utility>

namespace aio::detail {

void ProcessPoolCore::worker_heard(ProcessWorker& heard) noexcept {
    const TimePoint now = loop_->time();
    heard.note_heard(now);
    for (const WorkerRef& worker : workers_)
        if (worker->holds_up(now)) take_back(*worker);
    give_ahead();
}

void ProcessPoolCore::give_ahead() {
    if (queue_.empty() || !queue_.in_order_of_coming()) return;
    if (staying() < settings_.max_workers || starting() > 0) return;
    hungry_.clear();
    for (const WorkerRef& worker : workers_)
        if (worker->wants_ahead()) hungry_.push_back(worker.get());
    // One each, as long as they can: all get as many.
    for (bool more = true; more;) {
        more = false;
        for (ProcessWorker* const worker : hungry_) {
            if (!worker->can_take_ahead()) continue;
            drop_cancelled();
            more = !queue_.empty() && worker->put_ahead(queue_.front());
            if (!more) break;
            queue_.pop_front();
        }
    }
    for (ProcessWorker* const worker : hungry_) worker->send_ahead();
}

void ProcessPoolCore::take_back(ProcessWorker& worker) {
    while (auto entry = worker.withdraw_last()) queue_.put_back(std::move(*entry));
}

void ProcessPoolCore::take_back_all() {
    for (const WorkerRef& worker : workers_) take_back(*worker);
}

} // namespace aio::detail
