#include <aio/executors/process_pool_core.hpp>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include <aio/executors/process_errors.hpp>
#include <aio/executors/process_stop.hpp>
#include <aio/workers/large_payload.hpp>
#include <aio/workers/remote_error.hpp>

namespace aio::detail {
namespace {

void note_end(const PoolEntry& entry, int pid) {
    if (!entry.plan || !entry.plan->settings.record) return;
    CallReport& report = entry.plan->settings.record->writable();
    report.pid = pid;
    report.attempts = static_cast<unsigned>(entry.plan->crashes.size()) + 1;
    report.crashes = entry.plan->crashes;
}

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
    if (settings_.min_workers > 0)
        loop_->call_soon([self = weak_from_this()] {
            if (const auto core = self.lock()) core->dispatch();
        });
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

void ProcessPoolCore::submit(std::shared_ptr<Call> call, std::unique_ptr<CallPlan> plan) {
    bind();
    PoolEntry entry;
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(mutex_);
        if (loop_closed_) throw RuntimeError("the event loop that this process pool belongs to is closed");
        if (refusing_) throw RuntimeError("cannot schedule new calls after shutdown of the process pool");
        if (!broken_reason_.empty()) throw BrokenProcessPool(broken_reason_);
        if (state_ == nullptr)
            throw RuntimeError("a ProcessPoolExecutor needs a running event loop when it is first used");
        id = next_call_id_++;
    }
    RemoteForm* const form = call->remote_form();
    try {
        if (form == nullptr)
            throw RuntimeError("this call cannot run in another process: submit a function, a captureless "
                               "lambda or a functor struct "
                               "with encodable arguments");
        form->set_host(weak_from_this(), id);
        entry.begin(id, std::move(plan));
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
    ++counts_.submitted;
    put_last(std::move(entry));
    dispatch();
}

void ProcessPoolCore::put_last(PoolEntry entry) {
    // Asking for the time costs more than the rest of this.
    if (settings_.priority_ageing > Duration::zero()) entry.queued_at = loop_->time();
    queue_.push_back(std::move(entry));
}

ProcessWorker* ProcessPoolCore::idle_worker() const noexcept {
    // The one that was started last, and so most likely the one that is warm.
    const auto found = std::find_if(workers_.rbegin(), workers_.rend(),
                                    [](const WorkerRef& w) { return w->can_take_call(); });
    return found == workers_.rend() ? nullptr : found->get();
}

void ProcessPoolCore::dispatch() {
    const auto keep = shared_from_this();
    // What has been given ahead lets pass what is more urgent, and gets workers of its own when there can be
    // more of them.
    if (!queue_.in_order_of_coming() || staying() < settings_.max_workers) take_back_all();
    drop_done();
    while (ProcessWorker* const idle = idle_worker()) {
        if (queue_.empty() && !share_ahead()) break;
        give(*idle);
        drop_done();
    }
    start_workers();
    give_ahead();
    finish_shutdown();
}

/// Those at the front that have been cancelled, or completed by hand.
void ProcessPoolCore::drop_done() {
    const auto done = [](const PoolEntry& entry) {
        const ConcurrentState::Status status = entry.call->state().status();
        return status == ConcurrentState::Status::cancelled || status == ConcurrentState::Status::finished;
    };
    while (!queue_.empty() && done(queue_.front())) queue_.pop_front();
}

void ProcessPoolCore::give(ProcessWorker& worker) {
    PoolEntry entry = std::move(queue_.front());
    queue_.pop_front();
    // A call that goes back into the queue because its worker was gone stays marked as running.
    if (!entry.call->state().begin()) return;
    try {
        if (worker.send(entry)) {
            worker.note_given(loop_->time());
            begin_deadline(worker);
            return;
        }
    } catch (const std::system_error&) {
        fail(entry, std::current_exception());
        return;
    }
    worker.lose("its pipe is broken");
    queue_.push_front(std::move(entry));
}

void ProcessPoolCore::call_ended(ProcessWorker& worker, PoolEntry entry, StopReason stopped,
                                 const FrameView& frame) noexcept {
    // The worker gets its next call first: it computes while the result is decoded here.
    const int pid = worker.pid();
    if (worker.busy()) {
        // It goes on with what it was given ahead, and gets more when all that came from it is taken in.
        if (worker.stop_wanted() && !worker.doomed()) stop(worker.call_id(), StopReason::cancelled);
    } else {
        if (worker.doomed())
            // What ends it if it does not leave by itself is on its way.
            worker.finish();
        else if (worker.quota_used())
            finish(worker);
        else
            note_idle(worker);
        dispatch();
    }
    deliver(entry, stopped, frame, pid);
}

void ProcessPoolCore::deliver(PoolEntry& entry, StopReason stopped, const FrameView& frame,
                              int pid) noexcept {
    ++(frame.type() == FrameType::result ? counts_.succeeded : counts_.failed);
    note_end(entry, pid);
    try {
        if (stopped == StopReason::timed_out) {
            entry.call->fail(std::make_exception_ptr(timeout_error(entry, "it ended when it was asked to")));
        } else if (frame.type() == FrameType::result) {
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

ProcessPoolStatistics ProcessPoolCore::statistics() const {
    ProcessPoolStatistics statistics = counts_;
    statistics.queued = queue_.size();
    for (const WorkerRef& worker : workers_) {
        statistics.queued += worker->ahead();
        ++(!worker->ready() ? statistics.starting : worker->busy() ? statistics.busy : statistics.idle);
        if (worker->busy() && worker->progress())
            statistics.progress.emplace_back(worker->pid(), *worker->progress());
    }
    return statistics;
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

} // namespace aio::detail
