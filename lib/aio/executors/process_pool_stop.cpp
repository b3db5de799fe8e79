// Stopping calls that run: first they are asked, then their worker is signalled, then killed. Each step names
// the worker and the call that it was meant for, and does nothing if they have parted meanwhile. A worker
// that a signal is on its way to gets no further call, so the signal cannot hit the wrong one.

#include <aio/executors/process_pool_core.hpp>
#include <aio/executors/process_stop.hpp>

#include <algorithm>
#include <exception>
#include <sstream>
#include <utility>

namespace aio::detail {

TimeoutError timeout_error(const PoolEntry& entry, const std::string& end) {
    std::ostringstream text;
    text << "the call had not ended after "
         << std::chrono::duration<double>(*entry.plan->settings.timeout).count() << " s: " << end;
    return TimeoutError(text.str());
}

void fail(const PoolEntry& entry, std::exception_ptr error) noexcept {
    if (entry.plan && entry.plan->settings.record) {
        CallReport& report = entry.plan->settings.record->writable();
        report.crashes = entry.plan->crashes;
        report.attempts = static_cast<unsigned>(entry.plan->crashes.size());
        if (!entry.plan->crashes.empty()) {
            const WorkerEnd& last = entry.plan->crashes.back();
            report.pid = last.pid;
            report.output = last.exit.output;
            report.errors = last.exit.errors;
        }
    }
    entry.call->fail(std::move(error));
}

ProcessWorker* ProcessPoolCore::find_worker(std::uint64_t id) const noexcept {
    const auto found =
        std::find_if(workers_.begin(), workers_.end(), [&](const WorkerRef& w) { return w->id() == id; });
    return found == workers_.end() ? nullptr : found->get();
}

void ProcessPoolCore::begin_deadline(ProcessWorker& worker) {
    const CallPlan* const plan = worker.plan();
    if (plan == nullptr || !plan->settings.timeout) return;
    worker.set_deadline(
        loop_->call_later(*plan->settings.timeout, [self = weak_from_this(), call = worker.call_id()] {
            if (const auto core = self.lock()) core->stop(call, StopReason::timed_out);
        }));
}

void ProcessPoolCore::stop_call(std::uint64_t id) noexcept {
    if (!settings_.stop_cancelled) return;
    try {
        run_on_loop([id](ProcessPoolCore& core) { core.stop(id, StopReason::cancelled); });
    } catch (const std::bad_alloc&) {
        // It runs on.
    }
}

void ProcessPoolCore::stop(std::uint64_t call, StopReason reason) {
    if (loop_ == nullptr) return;
    const auto found = std::find_if(workers_.begin(), workers_.end(),
                                    [&](const WorkerRef& w) { return w->call_id() == call; });
    if (found == workers_.end()) {
        for (const WorkerRef& worker : workers_)
            if (worker->stop_in_its_turn(call)) return;
        // It may have been begun and wait for another worker.
        if (const auto entry = queue_.take(call)) fail(*entry, std::make_exception_ptr(CancelledError()));
        finish_shutdown();
        return;
    }
    const WorkerRef worker = *found;
    if (worker->stopping() != StopReason::none) return;
    ++counts_.stopped;
    if (reason == StopReason::timed_out) ++counts_.timed_out;
    take_back(*worker, worker->ahead());
    worker->ask_to_stop(reason);
    worker->set_deadline(
        loop_->call_later(settings_.stop_grace, [self = weak_from_this(), id = worker->id(), call] {
            if (const auto core = self.lock()) core->terminate(id, call);
        }));
}

/// Lets an idle worker leave, and sees to it that it does: one that is stopped, or cannot get rid of what it
/// has printed, would otherwise keep the pool from closing.
void ProcessPoolCore::finish(ProcessWorker& worker) {
    worker.finish();
    worker.set_deadline(loop_->call_later(settings_.stop_grace, [self = weak_from_this(), id = worker.id()] {
        if (const auto core = self.lock()) core->terminate(id, 0);
    }));
}

void ProcessPoolCore::terminate(std::uint64_t id, std::uint64_t call) {
    const auto keep = shared_from_this();
    // If it has begun what it was given ahead the call has ended, and the signal would hit the next one.
    if (ProcessWorker* const busy = find_worker(id); busy != nullptr && busy->ahead() > 0) busy->hear();
    ProcessWorker* const worker = find_worker(id);
    if (worker == nullptr || worker->call_id() != call || !launcher_) return;
    worker->doom();
    launcher_->terminate(worker->pid());
    worker->set_deadline(loop_->call_later(settings_.kill_grace, [self = weak_from_this(), id] {
        if (const auto core = self.lock()) core->kill(id);
    }));
}

void ProcessPoolCore::kill(std::uint64_t id) {
    ProcessWorker* const worker = find_worker(id);
    if (worker != nullptr && launcher_) launcher_->kill(worker->pid());
}

} // namespace aio::detail
