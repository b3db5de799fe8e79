// Which workers come: how many, the pauses after starts that fail, and the end of the pool if all do.

#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <random>
#include <utility>

#include <aio/workers/remote_error.hpp>
#include <aio/workers/slab_arena.hpp>

namespace aio::detail {
namespace {

constexpr auto first_retry_delay = std::chrono::milliseconds(20);
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
    // One that is forked runs this library's code from its first moment, whether it has greeted or not, and a
    // program that has served before serves when it is executed again.
    const bool serves = settings_.start_method != StartMethod::spawn || counts_.workers_started > 0;
    for (const WorkerRef& worker : workers_) {
        if (worker->ready() || !(worker->greeted() || (serves && worker->pid() > 0))) continue;
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

} // namespace aio::detail
