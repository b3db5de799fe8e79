// Calls that say something while they run: items, and how far they are.

#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <new>

namespace aio::detail {

void ProcessPoolCore::give_credit(std::uint64_t id, std::uint64_t items, std::uint64_t bytes) noexcept {
    const auto found = std::find_if(workers_.begin(), workers_.end(),
                                    [id](const WorkerRef& w) { return w->call_id() == id; });
    if (found != workers_.end()) (*found)->give_credit(items, bytes);
}

void ProcessPoolCore::stop_stream(std::uint64_t id) noexcept {
    // A loop that closes drops the frames of its tasks, and their streams, before it tells the pool, which
    // ends all calls then.
    if (loop_ == nullptr || loop_->is_closed()) return;
    try {
        // Whatever `stop_cancelled` says: a call that waits for its reader would wait forever.
        stop(id, StopReason::cancelled);
    } catch (const std::bad_alloc&) {
        // It waits for a reader until the pool goes.
    }
}

void ProcessPoolCore::call_progressed(ProcessWorker& worker) noexcept {
    const CallPlan* const plan = worker.plan();
    if (plan == nullptr || !plan->progress || loop_ == nullptr) return;
    try {
        plan->progress->post(*loop_, *worker.progress());
    } catch (const std::exception&) {
        // News that are not told: the loop is closing, or there is no memory.
    }
}

} // namespace aio::detail
