// Calls that workers are given ahead: when, and when they are taken back.
//
// Only when there is no better place for them: every worker that there may be is there, and has a call. As
// soon as one of them has none, it gets what lies with another and has not begun. So a call waits no longer
// than it would in the queue, and whoever looks from outside sees a queue: it can be cancelled, it is not hit
// by what happens to the call before it, and one of a higher priority comes first.

#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <utility>

namespace aio::detail {

void ProcessPoolCore::worker_heard(ProcessWorker&) noexcept { give_ahead(); }

void ProcessPoolCore::give_ahead() {
    if (queue_.empty() || !queue_.in_order_of_coming()) return;
    if (staying() < settings_.max_workers || starting() > 0) return;
    // One each, as long as they can: all get as many.
    const auto put = [this](ProcessWorker& worker) {
        drop_cancelled();
        if (queue_.empty() || !worker.put_ahead(queue_.front())) return false;
        queue_.pop_front();
        return true;
    };
    const auto open = [](const WorkerRef& worker) { return worker->wants_ahead(); };
    std::vector<ProcessWorker*>& hungry = hungry_;
    hungry.clear();
    for (const WorkerRef& worker : workers_)
        if (open(worker)) hungry.push_back(worker.get());
    for (bool more = true; more;) {
        more = false;
        for (ProcessWorker* const worker : hungry) {
            if (!worker->can_take_ahead()) continue;
            more = put(*worker);
            if (!more) break;
        }
    }
    for (ProcessWorker* const worker : hungry) worker->send_ahead();
}

/// For one that has none: the last one of the worker that has the most.
bool ProcessPoolCore::take_back_one() {
    const auto most =
        std::max_element(workers_.begin(), workers_.end(),
                         [](const WorkerRef& a, const WorkerRef& b) { return a->ahead() < b->ahead(); });
    if (most == workers_.end()) return false;
    auto entry = (*most)->withdraw_last();
    if (!entry) return false;
    queue_.push_front(std::move(*entry));
    return true;
}

void ProcessPoolCore::take_back(ProcessWorker& worker) {
    while (auto entry = worker.withdraw_last()) queue_.push_front(std::move(*entry));
}

/// Those that came first were given away first, one to each worker in turn.
void ProcessPoolCore::take_back_all() {
    std::vector<PoolEntry> entries;
    for (const WorkerRef& worker : workers_)
        while (auto entry = worker->withdraw_last()) entries.push_back(std::move(*entry));
    std::ranges::sort(entries, std::ranges::greater(), &PoolEntry::id);
    for (PoolEntry& entry : entries) queue_.push_front(std::move(entry));
}

} // namespace aio::detail
