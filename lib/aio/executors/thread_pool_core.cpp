#include <aio/executors/thread_pool_core.hpp>

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <aio/core/error_context.hpp>
#include <aio/uv/thread.hpp>

namespace aio::detail {
namespace {

// A call needs it from wherever in the thread it runs.
constinit thread_local WorkerResource* current_resource = nullptr;

TimePoint now() noexcept { return std::chrono::steady_clock::now(); }

} // namespace

WorkerResource* worker_resource() noexcept { return current_resource; }

ThreadPoolCore::ThreadPoolCore(std::size_t max_workers, std::string name_prefix,
                               std::function<void()> initializer, WorkerKind kind)
    : max_workers_(max_workers),
      name_prefix_(std::move(name_prefix)),
      initializer_(std::move(initializer)),
      kind_(std::move(kind)) {}

ThreadPoolCore::~ThreadPoolCore() {
    // What is left here are threads that nobody has joined, because one of them dropped the pool, or because
    // the time for it was up: this one, and others on their last instructions.
    for (Worker& worker : workers_)
        if (worker.thread.joinable()) worker.thread.detach();
}

void ThreadPoolCore::Tally::count(const ConcurrentState& state) {
    if (state.status() == ConcurrentState::Status::cancelled)
        ++cancelled;
    else if (state.failed())
        ++failed;
    else
        ++completed;
}

void ThreadPoolCore::submit(std::shared_ptr<Call> call) {
    {
        const std::lock_guard lock(mutex_);
        if (shut_down_)
            throw RuntimeError("cannot schedule new calls after shutdown of pool " + name_prefix_);
        if (!broken_reason_.empty()) std::rethrow_exception(kind_.broken(broken_reason_));
        queue_.push_back(Queued{std::move(call), now()});
        note_parked();
        if (queue_.size() > idle_ && alive_ < max_workers_) start_thread();
    }
    work_available_.notify_one();
}

void ThreadPoolCore::shutdown(bool cancel_queued) {
    std::deque<Queued> cancelled;
    {
        const std::lock_guard lock(mutex_);
        shut_down_ = true;
        if (cancel_queued) cancelled.swap(queue_);
        tally_.cancelled += cancelled.size();
    }
    work_available_.notify_all();
    for (const Queued& queued : cancelled) queued.call->discard();
}

bool ThreadPoolCore::join(std::optional<TimePoint> deadline) {
    std::vector<std::thread> threads;
    {
        std::unique_lock lock(mutex_);
        const auto wait_until = [&](auto condition) {
            if (deadline) return thread_ended_.wait_until(lock, *deadline, condition);
            thread_ended_.wait(lock, condition);
            return true;
        };
        if (own_thread()) {
            ++joining_themselves_;
            thread_ended_.notify_all();
            const bool ended = wait_until([&] { return alive_ <= joining_themselves_; });
            --joining_themselves_;
            if (!ended) abandoned_ = true;
            return ended;
        }
        if (!wait_until([&] { return alive_ == 0; })) {
            abandoned_ = true;
            return false;
        }
        for (Worker& worker : workers_)
            if (worker.thread.joinable()) threads.push_back(std::move(worker.thread));
    }
    for (std::thread& thread : threads) thread.join();
    return true;
}

bool ThreadPoolCore::abandoned() const {
    const std::lock_guard lock(mutex_);
    return abandoned_;
}

void ThreadPoolCore::request_stop() {
    std::vector<std::shared_ptr<ConcurrentState>> running;
    {
        const std::lock_guard lock(mutex_);
        for (const Worker& worker : workers_)
            if (worker.call != nullptr) running.push_back(worker.call->state().shared_from_this());
    }
    // Not under the lock: it calls functions of the program.
    for (const auto& state : running) state->request_stop();
}

ExecutorStatistics ThreadPoolCore::statistics() const {
    ExecutorStatistics statistics;
    const std::lock_guard lock(mutex_);
    const TimePoint at = now();
    Tally tally = tally_;
    statistics.longest_wait = longest_wait_;
    for (const Queued& queued : queue_) {
        // One that was cancelled stands there until a thread gets to it, but it is over.
        if (queued.call->state().status() == ConcurrentState::Status::pending) {
            ++statistics.queued;
            statistics.longest_wait = std::max(statistics.longest_wait, at - queued.since);
        } else {
            tally.count(queued.call->state());
        }
    }
    std::vector<const Worker*> running;
    for (const Worker& worker : workers_) {
        if (worker.call == nullptr) continue;
        // Whoever has its result may ask before its thread has come back here.
        const auto status = worker.call->state().status();
        if (status == ConcurrentState::Status::finished || status == ConcurrentState::Status::cancelled)
            tally.count(worker.call->state());
        else
            running.push_back(&worker);
    }
    std::ranges::sort(running, {}, &Worker::started);
    for (const Worker* worker : running)
        statistics.running.emplace_back(worker->call->describe(), worker->name, at - worker->started);
    statistics.threads = alive_;
    statistics.idle = idle_;
    statistics.completed = tally.completed;
    statistics.failed = tally.failed;
    statistics.cancelled = tally.cancelled;
    statistics.replaced = replaced_;
    return statistics;
}

bool ThreadPoolCore::own_thread() const noexcept {
    return std::ranges::any_of(
        workers_, [](const Worker& worker) { return worker.thread.get_id() == std::this_thread::get_id(); });
}

void ThreadPoolCore::start_thread() {
    ++alive_;
    bool added = false;
    try {
        Worker& worker = workers_.emplace_back();
        added = true;
        worker.name = name_prefix_ + "_" + std::to_string(workers_.size() - 1);
        worker.thread = std::thread([self = shared_from_this(), &worker] { self->work(worker); });
    } catch (...) {
        if (added) workers_.pop_back();
        // With at least one thread the call will run, only later.
        if (--alive_ > 0) return;
        queue_.pop_back();
        throw;
    }
}

void ThreadPoolCore::work(Worker& self) {
    uv::set_thread_name(self.name);
    if (prepare(self)) run_calls(self);
    current_resource = nullptr;
    self.resource.reset();
    {
        const std::lock_guard lock(mutex_);
        --alive_;
    }
    thread_ended_.notify_all();
}

void ThreadPoolCore::run_calls(Worker& self) {
    std::shared_ptr<Call> call;
    std::unique_lock lock(mutex_);
    for (;;) {
        if (queue_.empty() && call) {
            // It may be the last that holds whatever came of it, whose destructor must not run under the
            // lock.
            lock.unlock();
            call.reset();
            lock.lock();
        } else if (queue_.empty()) {
            if (shut_down_ || !broken_reason_.empty()) return;
            ++idle_;
            note_parked();
            work_available_.wait(lock);
            --idle_;
            note_parked();
        } else if (!self.prepared) {
            lock.unlock();
            call.reset();
            if (!prepare(self)) return;
            lock.lock();
        } else {
            std::shared_ptr<Call> last = std::exchange(call, take_next(self));
            lock.unlock();
            last.reset();
            call->run();
            retire_resource(self);
            lock.lock();
            self.call = nullptr;
            tally_.count(call->state());
        }
    }
}

std::shared_ptr<Call> ThreadPoolCore::take_next(Worker& self) {
    Queued next = std::move(queue_.front());
    queue_.pop_front();
    self.call = next.call.get();
    self.started = now();
    longest_wait_ = std::max(longest_wait_, self.started - next.since);
    return std::move(next.call);
}

bool ThreadPoolCore::prepare(Worker& self) {
    try {
        if (initializer_) initializer_();
        if (kind_.make_resource) self.resource = kind_.make_resource();
    } catch (...) {
        break_down(std::current_exception());
        return false;
    }
    current_resource = self.resource.get();
    self.tasks = 0;
    self.prepared = true;
    return true;
}

void ThreadPoolCore::retire_resource(Worker& self) {
    if (!self.resource) return;
    ++self.tasks;
    const bool had_enough = kind_.max_tasks_per_worker != 0 && self.tasks >= kind_.max_tasks_per_worker;
    if (!had_enough && !self.resource->spent()) return;
    current_resource = nullptr;
    self.resource.reset();
    self.prepared = false;
    const std::lock_guard lock(mutex_);
    ++replaced_;
}

void ThreadPoolCore::break_down(const std::exception_ptr& error) {
    ErrorContext context;
    context.message = "Exception in the initializer of a pool";
    context.exception = error;
    context.source = name_prefix_;
    report_to_stderr(context);

    const std::string reason = "the initializer of pool " + name_prefix_ + " failed: " + aio::describe(error);
    std::deque<Queued> orphans;
    {
        const std::lock_guard lock(mutex_);
        broken_reason_ = reason;
        orphans.swap(queue_);
    }
    work_available_.notify_all();
    Tally tally;
    for (const Queued& orphan : orphans) {
        orphan.call->fail(kind_.broken(reason));
        tally.count(orphan.call->state());
    }
    const std::lock_guard lock(mutex_);
    tally_.failed += tally.failed;
    tally_.completed += tally.completed;
    tally_.cancelled += tally.cancelled;
}

} // namespace aio::detail
