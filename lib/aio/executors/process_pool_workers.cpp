// Which workers there are: starts, the pauses after starts that fail, and ends.

#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <random>
#include <utility>

#include <aio/executors/process_errors.hpp>
#include <aio/executors/process_stop.hpp>
#include <aio/workers/remote_error.hpp>
#include <aio/workers/slab_arena.hpp>

namespace aio::detail {
namespace {

constexpr auto first_retry_delay = std::chrono::milliseconds(20);

/// One that takes the workers with it every time, before they have even received it, is not given to more
/// than this many.
constexpr unsigned most_failed_deliveries = 3;
constexpr unsigned most_delay_doublings = 8;

/// One count for all pools: a zygote that has served another pool may still answer that one's requests.
std::uint64_t new_worker_id() noexcept { return SlabArena::instance().new_process_number(); }

std::uint64_t random_up_to(std::uint64_t most) {
    if (most == 0) return 0;
    static thread_local std::minstd_rand generator(std::random_device{}());
    return std::uniform_int_distribution<std::uint64_t>(0, most)(generator);
}

} // namespace

std::size_t ProcessPoolCore::starting() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const WorkerRef& w) { return !w->ready(); }));
}

std::size_t ProcessPoolCore::staying() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const WorkerRef& w) { return !w->finishing(); }));
}

bool ProcessPoolCore::wants_worker() const noexcept {
    const std::size_t present = staying();
    if (present >= settings_.max_workers) return false;
    return starting() < queue_.size() || (present < settings_.min_workers && !shutting_down_);
}

void ProcessPoolCore::start_workers() {
    while (!waiting_to_retry_ && loop_ != nullptr && broken_reason_.empty() && wants_worker()) start_worker();
}

void ProcessPoolCore::start_worker() {
    try {
        if (!launcher_)
            launcher_ = std::make_unique<WorkerLauncher>(
                loop_->bindings(), static_cast<LauncherListener&>(*this), settings_.start_method);
        const std::uint64_t id = new_worker_id();
        WorkerRequest request(id, default_max_payload);
        request.initialize(settings_.initializer != nullptr)
            .capture(settings_.capture_output)
            .spawn(settings_.start_method == StartMethod::spawn);
        auto worker = std::make_shared<ProcessWorker>(loop_->bindings(), static_cast<WorkerOwner&>(*this), id,
                                                      launcher_->launch(request), default_max_payload);
        worker->start_reading();
        if (settings_.initializer) worker->send_initializer(*settings_.initializer);
        if (settings_.max_tasks > 0)
            worker->set_quota(settings_.max_tasks + random_up_to(settings_.max_tasks_jitter));
        workers_.push_back(std::move(worker));
        if (starting() == 1) expect_start();
    } catch (const std::exception& error) {
        start_failed(error.what());
    }
}

void ProcessPoolCore::expect_start() {
    start_timeout_.cancel();
    if (starting() == 0) return;
    start_timeout_ = loop_->call_later(settings_.start_timeout, [self = weak_from_this()] {
        if (const auto core = self.lock()) core->start_timed_out();
    });
}

void ProcessPoolCore::start_failed(const std::string& reason) {
    // Those that fail together, for one reason, count once.
    if (loop_ == nullptr || waiting_to_retry_) return;
    ++counts_.failed_starts;
    if (failed_starts_++ == 0) first_start_error_ = reason;
    const bool none_works = std::none_of(workers_.begin(), workers_.end(),
                                         [](const WorkerRef& w) { return w->ready() && !w->lost(); });
    if (failed_starts_ >= settings_.max_failed_starts && none_works) {
        break_pool("worker processes cannot be started: " + first_start_error_);
        return;
    }
    waiting_to_retry_ = true;
    retry_ = loop_->call_later(first_retry_delay * (1 << std::min(failed_starts_, most_delay_doublings)),
                               [self = weak_from_this()] {
                                   const auto core = self.lock();
                                   if (!core) return;
                                   core->waiting_to_retry_ = false;
                                   core->dispatch();
                               });
}

void ProcessPoolCore::start_timed_out() {
    bool any_started = false;
    for (const WorkerRef& worker : workers_) {
        if (worker->ready() || !worker->greeted()) continue;
        any_started = true;
        worker->set_start_error("worker process " + std::to_string(worker->pid()) +
                                " was not ready in time, and was killed");
        if (launcher_) launcher_->kill(worker->pid());
    }
    if (starting() == 0) return;
    if (any_started) {
        // Their ends count as failed starts. Those that replace them have as much time.
        expect_start();
        return;
    }
    // To try again would execute the program once more.
    break_pool("no worker process became ready in time; a program that does not begin with aio::run must "
               "call aio::worker_entry() first in main");
}

void ProcessPoolCore::start_refused(ProcessWorker& worker, const FrameView& frame) noexcept {
    std::string reason;
    try {
        ByteReader reader(frame.payload());
        std::rethrow_exception(decode_exception(reader, worker.pid()));
    } catch (const RemoteErrorInfo& error) {
        reason = error.type_name() + ": " + error.message();
    } catch (const std::exception& error) {
        reason = error.what();
    } catch (...) {
        reason = "it threw what is no std::exception";
    }
    worker.set_start_error("the initializer failed in worker process " + std::to_string(worker.pid()) + ": " +
                           reason);
}

void ProcessPoolCore::worker_started(std::uint64_t id, int pid, const std::string& error) noexcept {
    const auto found =
        std::find_if(workers_.begin(), workers_.end(), [&](const WorkerRef& w) { return w->id() == id; });
    if (found == workers_.end()) return;
    if (pid >= 0) {
        (*found)->set_pid(pid);
        if ((*found)->lost()) launcher_->kill(pid);
        return;
    }
    (*found)->close();
    workers_.erase(found);
    start_failed(error);
}

void ProcessPoolCore::worker_ready(ProcessWorker& worker) noexcept {
    failed_starts_ = 0;
    ++counts_.workers_started;
    note_idle(worker);
    // One that has come shows that the others can, and gives them more time.
    expect_start();
    dispatch();
}

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
    auto [entry, begun] = worker.close();
    const int pid = worker.pid();
    std::erase_if(workers_, [&](const WorkerRef& w) { return w.get() == &worker; });
    if (!was_ready)
        start_failed(!worker.start_error().empty()
                         ? worker.start_error()
                         : "worker process " + std::to_string(pid) + " " + exit.description() +
                               " before it was ready" + exit.last_words());
    else
        ++counts_.workers_ended;
    if (entry.call) lose_call(std::move(entry), begun, stopped, WorkerEnd(pid, exit));
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
    queue_.push_back(std::move(entry));
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
            worker->finish();
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
