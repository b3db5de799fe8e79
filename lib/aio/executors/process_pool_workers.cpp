// Which workers go, and what becomes of their calls.

#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <exception>
#include <utility>

#include <aio/executors/process_errors.hpp>
#include <aio/executors/process_stop.hpp>

namespace aio::detail {
namespace {

/// One that takes the workers with it every time, before they have even received it, is not given to more
/// than this many.
constexpr unsigned most_failed_deliveries = 3;

} // namespace

void ProcessPoolCore::worker_lost(ProcessWorker& worker, const std::string&) noexcept {
    // Mostly it is dead already and this does nothing; its exit is what counts. A task may also have closed
    // the pipes.
    if (launcher_ && worker.pid() > 0 && !worker.finishing()) launcher_->kill(worker.pid());
}

void ProcessPoolCore::worker_exited(int pid, const WorkerExit& exit) noexcept {
    const auto found =
        std::find_if(workers_.begin(), workers_.end(), [&](const WorkerRef& w) { return w->pid() == pid; });
    if (found == workers_.end()) return;
    const WorkerRef worker = *found;
    const auto keep = shared_from_this();
    // What it had answered before its end counts.
    worker->drain();
    worker->has_ended();
    remove(*worker, exit);
    dispatch();
}

void ProcessPoolCore::remove(ProcessWorker& worker, WorkerExit exit) noexcept {
    exit.output = worker.take_output();
    exit.errors = worker.take_errors();
    const bool was_ready = worker.ready();
    const StopReason stopped = worker.stopping();
    WorkerRemains remains = worker.close();
    // They have nothing to do with the end of their worker.
    for (PoolEntry& entry : remains.ahead) queue_.put_back(std::move(entry));
    const int pid = worker.pid();
    std::erase_if(workers_, [&](const WorkerRef& w) { return w.get() == &worker; });
    if (!was_ready)
        start_failed(!worker.start_error().empty()
                         ? worker.start_error()
                         : "worker process " + std::to_string(pid) + " " + exit.description() +
                               " before it was ready" + exit.last_words());
    else
        ++counts_.workers_ended;
    const WorkerEnd end(pid, exit);
    if (remains.entry.call) lose_call(std::move(remains.entry), remains.begun, stopped, end);
    for (PoolEntry& entry : remains.ahead_begun) {
        const StopReason its = entry.stop_wanted ? StopReason::cancelled : StopReason::none;
        if (entry.call->state().begin()) lose_call(std::move(entry), true, its, end);
    }
}

void ProcessPoolCore::lose_call(PoolEntry entry, bool begun, StopReason stopped, const WorkerEnd& end) {
    const std::string what = "worker process " + std::to_string(end.pid) + " " + end.exit.description();
    if (begun && stopped == StopReason::none) ++counts_.crashed;
    if (begun && entry.plan) entry.plan->crashes.push_back(end);
    if (stopped == StopReason::timed_out)
        fail(entry, std::make_exception_ptr(timeout_error(entry, what)));
    else if (stopped == StopReason::cancelled)
        fail(entry, std::make_exception_ptr(CancelledError("the call was stopped: " + what)));
    else if (ending_workers_)
        fail(entry, std::make_exception_ptr(WorkerCrashed(end.pid, end.exit)));
    else if (!begun)
        requeue(std::move(entry), end);
    else if (settings_.break_on_crash) {
        queue_.push_front(std::move(entry));
        break_pool("a " + what + " while it ran a call", false);
    } else
        retry_or_fail(std::move(entry), end);
}

void ProcessPoolCore::retry_or_fail(PoolEntry entry, const WorkerEnd& end) {
    const CallPlan* const plan = entry.plan.get();
    const bool own_limit =
        plan != nullptr && plan->settings.cpu_limit.count() > 0 && end.exit.exceeded_time();
    if (plan == nullptr || plan->settings.retries == 0 || own_limit) {
        fail(entry, std::make_exception_ptr(WorkerCrashed(end.pid, end.exit)));
        return;
    }
    if (plan->crashes.size() > plan->settings.retries) {
        fail(entry, std::make_exception_ptr(PoisonTask(plan->crashes)));
        return;
    }
    ++counts_.retried;
    entry.renew_orders();
    // Behind the others: they are not to wait while it ends one worker after the other.
    put_last(std::move(entry));
}

void ProcessPoolCore::requeue(PoolEntry entry, const WorkerEnd& end) {
    if (++entry.failed_deliveries < most_failed_deliveries)
        queue_.push_front(std::move(entry));
    else
        fail(entry, std::make_exception_ptr(WorkerCrashed(end.pid, end.exit)));
}

void ProcessPoolCore::launcher_closed(const std::string& reason) noexcept {
    if (loop_ == nullptr) return;
    // Not from inside the launcher's own callback.
    loop_->call_soon([self = shared_from_this(), reason] { self->replace_launcher(reason); });
}

void ProcessPoolCore::replace_launcher(const std::string& reason) {
    if (loop_ == nullptr) return;
    launcher_.reset();
    const std::vector<WorkerRef> workers = workers_;
    const bool any_ready =
        std::any_of(workers.begin(), workers.end(), [](const WorkerRef& w) { return w->ready(); });
    for (const WorkerRef& worker : workers) {
        worker->drain();
        if (worker->ready()) remove(*worker, WorkerExit::killed());
    }
    for (const WorkerRef& worker : std::exchange(workers_, {})) worker->close();
    if (!any_ready) start_failed(reason);
    dispatch();
}

void ProcessPoolCore::note_idle(ProcessWorker& worker) {
    if (!settings_.idle_timeout || loop_ == nullptr) return;
    worker.set_idle_since(loop_->time());
    if (watching_idle_) return;
    watching_idle_ = true;
    watch_idle_at(loop_->time() + *settings_.idle_timeout);
}

void ProcessPoolCore::watch_idle_at(TimePoint when) {
    idle_watch_ = loop_->call_at(when, [self = weak_from_this()] {
        if (const auto core = self.lock()) core->reap_idle();
    });
}

void ProcessPoolCore::reap_idle() {
    watching_idle_ = false;
    if (loop_ == nullptr) return;
    const std::size_t present = staying();
    std::size_t spare = present > settings_.min_workers ? present - settings_.min_workers : 0;
    const TimePoint long_enough = loop_->time() - *settings_.idle_timeout;
    std::optional<TimePoint> next;
    // Those that were started first: calls go to the ones started last.
    for (const WorkerRef& worker : workers_) {
        if (spare == 0) return;
        if (!worker->can_take_call()) continue;
        if (worker->idle_since() <= long_enough) {
            finish(*worker);
            --spare;
        } else if (!next || worker->idle_since() < *next) {
            next = worker->idle_since();
        }
    }
    if (spare == 0 || !next) return;
    watching_idle_ = true;
    watch_idle_at(*next + *settings_.idle_timeout);
}

} // namespace aio::detail
