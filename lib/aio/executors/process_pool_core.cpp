#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

#include <aio/executors/process_pool.hpp>
#include <aio/workers/large_payload.hpp>
#include <aio/workers/remote_error.hpp>

namespace aio::detail {
namespace {

/// After this many starts in a row that came to nothing the pool is broken.
constexpr unsigned most_failed_starts = 5;
/// How long a start may take, which includes executing the program once more if there was no other way.
constexpr auto start_patience = std::chrono::seconds(30);
constexpr auto first_retry_delay = std::chrono::milliseconds(20);

/// One that takes the workers with it every time, before they have even received it, is not given to more
/// than this many.
constexpr unsigned most_failed_deliveries = 3;
constexpr unsigned most_delay_doublings = 8;

/// One count for all pools: a zygote that has served another pool may still answer that one's requests.
std::uint64_t new_worker_id() noexcept { return SlabArena::instance().new_process_number(); }

} // namespace

/// A call from another thread.
class ProcessPoolCore::Arrival final : public MailboxItem {
public:
    Arrival(std::shared_ptr<ProcessPoolCore> core, PoolEntry entry)
        : core_(std::move(core)), entry_(std::move(entry)) {}

private:
    void deliver() noexcept override {
        const std::unique_ptr<Arrival> self(this);
        core_->enqueue(std::move(entry_));
    }
    void drop() noexcept override {
        const std::unique_ptr<Arrival> self(this);
        entry_.call->discard();
    }
    std::shared_ptr<ProcessPoolCore> core_;
    PoolEntry entry_;
};

/// Something that another thread wants done on the loop's.
class ProcessPoolCore::LoopRequest final : public MailboxItem {
public:
    LoopRequest(std::shared_ptr<ProcessPoolCore> core, std::function<void(ProcessPoolCore&)> function)
        : core_(std::move(core)), function_(std::move(function)) {}

private:
    void deliver() noexcept override {
        const std::unique_ptr<LoopRequest> self(this);
        function_(*core_);
    }
    void drop() noexcept override { const std::unique_ptr<LoopRequest> self(this); }
    std::shared_ptr<ProcessPoolCore> core_;
    std::function<void(ProcessPoolCore&)> function_;
};

void ProcessPoolCore::bind() {
    LoopState* const running = running_loop_state();
    const std::lock_guard lock(mutex_);
    if (state_ != nullptr || running == nullptr) return;
    loop_ = &running->require_loop();
    state_ = running;
    mailbox_ = loop_->mailbox();
    binding_thread_ = std::this_thread::get_id();
    held_by_loop_ = shared_from_this();
    state_->resources.push_back(*this);
}

bool ProcessPoolCore::on_loop_thread() const {
    const std::lock_guard lock(mutex_);
    return state_ != nullptr && running_loop_state() == state_;
}

bool ProcessPoolCore::on_binding_thread() const {
    const std::lock_guard lock(mutex_);
    return std::this_thread::get_id() == binding_thread_;
}

void ProcessPoolCore::refuse() {
    const std::lock_guard lock(mutex_);
    refusing_ = true;
}

void ProcessPoolCore::submit(std::shared_ptr<Call> call) {
    bind();
    PoolEntry entry;
    {
        const std::lock_guard lock(mutex_);
        if (loop_closed_) throw RuntimeError("the event loop that this process pool belongs to is closed");
        if (refusing_) throw RuntimeError("cannot schedule new calls after shutdown of the process pool");
        if (!broken_reason_.empty()) throw BrokenProcessPool(broken_reason_);
        if (state_ == nullptr)
            throw RuntimeError("a ProcessPoolExecutor needs a running event loop when it is first used");
        entry.id = next_call_id_++;
    }
    RemoteForm* const form = call->remote_form();
    try {
        if (form == nullptr)
            throw RuntimeError("this call cannot run in another process: submit a function, a captureless "
                               "lambda or a functor struct "
                               "with encodable arguments");
        const std::size_t start = begin_frame(entry.frame);
        entry.frame.set_buffer_link(&entry.buffers);
        form->encode(entry.frame);
        entry.frame.set_buffer_link(nullptr);
        if (frame_payload_size(entry.frame, start) > default_max_payload)
            throw ValueError("the arguments of this call take " +
                             std::to_string(frame_payload_size(entry.frame, start)) + " bytes, and at most " +
                             std::to_string(default_max_payload) + " can be sent to a process");
        finish_frame(entry.frame, start, FrameType::task, entry.id);
    } catch (...) {
        call->fail(std::current_exception());
        return;
    }
    entry.call = std::move(call);
    if (on_loop_thread()) {
        enqueue(std::move(entry));
        return;
    }
    auto arrival = std::make_unique<Arrival>(shared_from_this(), std::move(entry));
    if (!mailbox_->try_post(*arrival)) throw RuntimeError("Event loop is closed");
    static_cast<void>(arrival.release());
}

void ProcessPoolCore::enqueue(PoolEntry entry) {
    if (loop_ == nullptr) {
        entry.call->discard();
        return;
    }
    if (!broken_reason_.empty()) {
        entry.call->fail(std::make_exception_ptr(BrokenProcessPool(broken_reason_)));
        return;
    }
    queue_.push_back(std::move(entry));
    dispatch();
}

ProcessWorker* ProcessPoolCore::idle_worker() const noexcept {
    // The one that was started last, and so most likely the one that is warm.
    const auto found = std::find_if(workers_.rbegin(), workers_.rend(),
                                    [](const WorkerRef& w) { return w->can_take_call(); });
    return found == workers_.rend() ? nullptr : found->get();
}

void ProcessPoolCore::dispatch() {
    const auto keep = shared_from_this();
    while (!queue_.empty()) {
        if (queue_.front().call->state().status() == ConcurrentState::Status::cancelled) {
            queue_.pop_front();
            continue;
        }
        ProcessWorker* const worker = idle_worker();
        if (worker == nullptr) break;
        PoolEntry entry = std::move(queue_.front());
        queue_.pop_front();
        // A call that goes back into the queue because its worker was gone stays marked as running.
        if (!entry.call->state().begin()) continue;
        try {
            if (worker->send(entry)) continue;
        } catch (const std::system_error&) {
            entry.call->fail(std::current_exception());
            continue;
        }
        worker->lose("its pipe is broken");
        queue_.push_front(std::move(entry));
    }
    start_workers();
    finish_shutdown();
}

std::size_t ProcessPoolCore::starting() const noexcept {
    return static_cast<std::size_t>(
        std::count_if(workers_.begin(), workers_.end(), [](const WorkerRef& w) { return !w->ready(); }));
}

void ProcessPoolCore::start_workers() {
    while (!waiting_to_retry_ && loop_ != nullptr && broken_reason_.empty() && starting() < queue_.size() &&
           workers_.size() < max_workers_)
        start_worker();
}

void ProcessPoolCore::start_worker() {
    try {
        if (!launcher_)
            launcher_ =
                std::make_unique<WorkerLauncher>(loop_->bindings(), static_cast<LauncherListener&>(*this));
        const std::uint64_t id = new_worker_id();
        auto worker =
            std::make_shared<ProcessWorker>(loop_->bindings(), static_cast<WorkerOwner&>(*this), id,
                                            launcher_->launch(id, default_max_payload), default_max_payload);
        worker->start_reading();
        workers_.push_back(std::move(worker));
        if (starting() == 1) expect_start();
    } catch (const std::exception& error) {
        start_failed(error.what());
    }
}

void ProcessPoolCore::expect_start() {
    start_timeout_.cancel();
    if (starting() == 0) return;
    start_timeout_ = loop_->call_later(start_patience, [self = weak_from_this()] {
        if (const auto core = self.lock()) core->start_timed_out();
    });
}

void ProcessPoolCore::start_failed(const std::string& reason) {
    // Those that fail together, for one reason, count once.
    if (loop_ == nullptr || waiting_to_retry_) return;
    if (failed_starts_++ == 0) first_start_error_ = reason;
    const bool none_works = std::none_of(workers_.begin(), workers_.end(),
                                         [](const WorkerRef& w) { return w->ready() && !w->lost(); });
    if (failed_starts_ >= most_failed_starts && none_works) {
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
    if (starting() == 0) return;
    break_pool("no worker process became ready in time; a program that does not begin with aio::run must "
               "call aio::worker_entry() "
               "first in main");
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

void ProcessPoolCore::worker_ready(ProcessWorker&) noexcept {
    failed_starts_ = 0;
    // One that has come shows that the others can, and gives them more time.
    expect_start();
    dispatch();
}

void ProcessPoolCore::call_ended(ProcessWorker& worker, PoolEntry entry, const FrameView& frame) noexcept {
    // The worker gets its next call first: it computes while the result is decoded here.
    const int pid = worker.pid();
    dispatch();
    deliver(entry, frame, pid);
}

void ProcessPoolCore::deliver(PoolEntry& entry, const FrameView& frame, int pid) noexcept {
    try {
        if (frame.type() == FrameType::result) {
            const ReceivedPayload payload(frame, entry.buffers);
            entry.call->remote_form()->complete(payload.bytes(), entry.buffers);
        } else {
            ByteReader reader(frame.payload());
            entry.call->fail(decode_exception(reader, pid));
        }
    } catch (...) {
        entry.call->fail(std::current_exception());
    }
}

void ProcessPoolCore::frame_sent(ProcessWorker& worker) noexcept {
    if (worker.can_take_call()) dispatch();
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

void ProcessPoolCore::remove(ProcessWorker& worker, const WorkerExit& exit) noexcept {
    const bool was_ready = worker.ready();
    auto [entry, begun] = worker.close();
    const int pid = worker.pid();
    std::erase_if(workers_, [&](const WorkerRef& w) { return w.get() == &worker; });
    if (!was_ready)
        start_failed("worker process " + std::to_string(pid) + " " + exit.description() +
                     " before it was ready");
    else if (entry.call && begun)
        entry.call->fail(std::make_exception_ptr(WorkerCrashed(pid, exit)));
    else if (entry.call)
        requeue(std::move(entry), pid, exit);
}

void ProcessPoolCore::requeue(PoolEntry entry, int pid, const WorkerExit& exit) {
    if (++entry.failed_deliveries < most_failed_deliveries)
        queue_.push_front(std::move(entry));
    else
        entry.call->fail(std::make_exception_ptr(WorkerCrashed(pid, exit)));
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

void ProcessPoolCore::break_pool(const std::string& reason) {
    {
        const std::lock_guard lock(mutex_);
        broken_reason_ = reason;
    }
    const auto keep = shared_from_this();
    start_timeout_.cancel();
    const std::exception_ptr error = std::make_exception_ptr(BrokenProcessPool(reason));
    std::deque<PoolEntry> queue = std::exchange(queue_, {});
    const std::vector<WorkerRef> workers = std::exchange(workers_, {});
    for (const WorkerRef& worker : workers) {
        if (launcher_ && worker->pid() > 0) launcher_->kill(worker->pid());
        if (PoolEntry entry = worker->close().first; entry.call) queue.push_front(std::move(entry));
    }
    for (const PoolEntry& entry : queue) entry.call->fail(error);
    finish_shutdown();
}

void ProcessPoolCore::begin_shutdown(bool cancel_queued) {
    refuse();
    const auto keep = shared_from_this();
    shutting_down_ = true;
    if (cancel_queued)
        for (const PoolEntry& entry : std::exchange(queue_, {})) entry.call->discard();
    dispatch();
}

void ProcessPoolCore::finish_shutdown() {
    if (!shutting_down_ || !queue_.empty()) return;
    // An idle worker ends when its pipe does; its exit removes it from the list.
    for (const WorkerRef& worker : workers_)
        if (worker->can_take_call()) worker->finish();
    if (!closed()) return;
    start_timeout_.cancel();
    for (Future<>& waiter : std::exchange(close_waiters_, {}))
        if (!waiter.done()) waiter.set_result();
    if (!closed_.done()) closed_.set_result();
}

void ProcessPoolCore::run_on_loop(std::function<void(ProcessPoolCore&)> function) {
    std::shared_ptr<Mailbox> mailbox;
    {
        const std::lock_guard lock(mutex_);
        if (state_ != nullptr && running_loop_state() != state_) mailbox = mailbox_;
    }
    if (!mailbox) {
        function(*this);
        return;
    }
    auto request = std::make_unique<LoopRequest>(shared_from_this(), std::move(function));
    if (mailbox->try_post(*request)) static_cast<void>(request.release());
}

bool ProcessPoolCore::used() const {
    const std::lock_guard lock(mutex_);
    return state_ != nullptr;
}

Future<> ProcessPoolCore::wait_closed() {
    bind();
    if (loop_ == nullptr) throw RuntimeError("wait_closed needs the pool's running loop");
    Future<> waiter = loop_->create_future<>();
    if (closed())
        waiter.set_result();
    else
        close_waiters_.push_back(waiter);
    return waiter;
}

bool ProcessPoolCore::has_calls() const noexcept {
    return !queue_.empty() ||
           std::any_of(workers_.begin(), workers_.end(), [](const WorkerRef& w) { return w->busy(); });
}

std::vector<int> ProcessPoolCore::pids() const {
    std::vector<int> pids;
    for (const WorkerRef& worker : workers_)
        if (worker->pid() > 0) pids.push_back(worker->pid());
    return pids;
}

void ProcessPoolCore::loop_closing() noexcept {
    {
        const std::lock_guard lock(mutex_);
        loop_closed_ = true;
    }
    destroy();
}

void ProcessPoolCore::destroy() noexcept {
    const auto keep = shared_from_this();
    refuse();
    LoopResource::unlink();
    start_timeout_.cancel();
    retry_.cancel();
    const bool can_tell = loop_ != nullptr && !loop_->is_closed();
    loop_ = nullptr;
    held_by_loop_.reset();
    const std::vector<WorkerRef> workers = std::exchange(workers_, {});
    std::deque<PoolEntry> queue = std::exchange(queue_, {});
    for (const WorkerRef& worker : workers) {
        if (worker->can_take_call())
            worker->finish();
        else if (launcher_ && worker->pid() > 0 && !worker->finishing())
            launcher_->kill(worker->pid());
        if (PoolEntry entry = worker->close().first; entry.call) queue.push_back(std::move(entry));
    }
    launcher_.reset();
    const std::exception_ptr destroyed =
        std::make_exception_ptr(RuntimeError("the process pool was destroyed while this call was running"));
    for (const PoolEntry& entry : queue)
        if (!entry.call->state().cancel()) entry.call->fail(destroyed);
    for (Future<>& waiter : std::exchange(close_waiters_, {}))
        if (can_tell && !waiter.done()) waiter.set_result();
    if (!closed_.done()) closed_.set_result();
}

} // namespace aio::detail
