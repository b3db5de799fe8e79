#include <aio/executors/work_queue_executor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <aio/core/loop_resource.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/work.hpp>

namespace aio {
namespace {

/// The size of libuv's queue is read once, when it is first used, which may be for a file: by then it must be
/// known.
[[maybe_unused]] const unsigned configured_early = WorkQueueExecutor::share();

TimePoint now() noexcept { return std::chrono::steady_clock::now(); }

} // namespace

/// A call, and when it was submitted.
class WorkQueueExecutor::Queued {
public:
    explicit Queued(std::shared_ptr<detail::Call> c = nullptr, TimePoint s = TimePoint()) noexcept
        : call(std::move(c)), since(s) {}
    std::shared_ptr<detail::Call> call;
    TimePoint since;
};

/// The threads that users' calls may occupy, and the calls of all loops that wait for one.
class WorkQueueExecutor::Lane {
public:
    struct Waiting {
        std::shared_ptr<Core> core;
        Queued queued;
    };

    static Lane& instance() {
        static Lane lane;
        return lane;
    }

    /// Takes a thread's worth of share: true. With none free the call is queued and started when its turn
    /// comes.
    [[nodiscard]] bool enter(const std::shared_ptr<Core>& core, Queued& queued) {
        const std::lock_guard lock(mutex_);
        if (running_ < share()) {
            ++running_;
            return true;
        }
        waiting_.emplace_back(core, std::move(queued));
        return false;
    }

    /// Hands the share of a call that has ended to the next one that waits. Empty if there is none.
    [[nodiscard]] Waiting leave() {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) {
            --running_;
            return Waiting(nullptr, Queued());
        }
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        return next;
    }

    /// Takes out the waiting calls of one loop.
    [[nodiscard]] std::vector<std::shared_ptr<detail::Call>> withdraw(const Core& core) {
        std::vector<std::shared_ptr<detail::Call>> calls;
        const std::lock_guard lock(mutex_);
        std::erase_if(waiting_, [&](Waiting& waiting) {
            if (waiting.core.get() != &core) return false;
            calls.push_back(std::move(waiting.queued.call));
            return true;
        });
        return calls;
    }

    /// Calls `visit(queued)` for the waiting calls of one loop, under the lock.
    template <class Visit>
    void for_each_of(const Core& core, Visit visit) {
        const std::lock_guard lock(mutex_);
        for (const Waiting& waiting : waiting_)
            if (waiting.core.get() == &core) visit(waiting.queued);
    }

private:
    std::mutex mutex_;
    unsigned running_ = 0;
    std::deque<Waiting> waiting_;
};

/// One call in libuv's queue. Owns itself until libuv has called back.
class WorkQueueExecutor::Job final : public uv::Work, public detail::ListNode {
public:
    static void start(std::shared_ptr<Core> core, Queued queued);

    [[nodiscard]] detail::Call& call() const noexcept { return *queued_.call; }
    [[nodiscard]] TimePoint submitted() const noexcept { return queued_.since; }
    /// When and where it began to run; from any thread.
    struct Beginning {
        TimePoint at;
        std::string thread;
    };
    [[nodiscard]] std::optional<Beginning> beginning() const {
        const std::lock_guard lock(mutex_);
        if (!thread_) return std::nullopt;
        std::ostringstream text;
        text << "libuv worker " << *thread_;
        return Beginning(began_, text.str());
    }

private:
    Job(std::shared_ptr<Core> core, Queued queued)
        : Work(&run, &finished), core_(std::move(core)), queued_(std::move(queued)) {}

    static void run(uv::Work& work) noexcept {
        auto& self = static_cast<Job&>(work);
        {
            const std::lock_guard lock(self.mutex_);
            self.began_ = now();
            self.thread_ = std::this_thread::get_id();
        }
        self.call().execute_unless_done();
    }
    static void finished(uv::Work& work, int status) noexcept;

    std::shared_ptr<Core> core_;
    Queued queued_;
    mutable std::mutex mutex_;
    TimePoint began_;
    std::optional<std::thread::id> thread_;
};

/// What is shared with jobs in flight and other threads. Except where said, used on the loop's thread.
class WorkQueueExecutor::Core final : public std::enable_shared_from_this<Core>,
                                      private detail::LoopResource {
public:
    explicit Core(EventLoop& loop) : loop_(&loop), state_(&loop.state()), mailbox_(loop.mailbox()) {}

    /// Ties it to the loop, which keeps it until it closes: calls outlive the executor.
    void attach() {
        held_by_loop_ = shared_from_this();
        loop_->state().resources.push_back(*this);
    }

    /// From any thread.
    void submit(std::shared_ptr<detail::Call> call) {
        if (shut_down_.load(std::memory_order_acquire))
            throw RuntimeError("Executor shutdown has been called: the default executor takes no more calls");
        outstanding_.fetch_add(1, std::memory_order_relaxed);
        if (detail::running_loop_state() == state_)
            enter(Queued(std::move(call), now()));
        else if (!Delivery::post(shared_from_this(), Queued(std::move(call), now()), &Core::enter)) {
            outstanding_.fetch_sub(1, std::memory_order_relaxed);
            throw RuntimeError("Event loop is closed");
        }
    }

    /// Starts a call that holds a share of the lane.
    void start(Queued queued) {
        try {
            Job::start(shared_from_this(), queued);
        } catch (...) {
            queued.call->fail(std::current_exception());
            note_end(*queued.call);
            finished();
        }
    }

    /// From any thread: starts a call that holds a share, on the loop's thread.
    static void start_anywhere(Lane::Waiting waiting) {
        while (waiting.core) {
            Core& core = *waiting.core;
            if (detail::running_loop_state() == core.state_) {
                core.start(std::move(waiting.queued));
                return;
            }
            if (Delivery::post(waiting.core, waiting.queued, &Core::start)) return;
            // That loop has closed meanwhile: the share goes to the next.
            waiting.queued.call->discard();
            waiting = Lane::instance().leave();
        }
    }

    /// A call has ended: its share goes on, and who waits for idleness is told.
    void finished() {
        start_anywhere(Lane::instance().leave());
        forget();
    }
    /// For `statistics`.
    void note_end(detail::Call& call) { count(call.state(), tally_); }
    void note_wait(Duration wait) noexcept { longest_wait_ = std::max(longest_wait_, wait); }

    [[nodiscard]] Future<> idle() {
        Future<> future = loop_->create_future<>();
        if (outstanding() == 0)
            future.set_result();
        else
            idle_waiters_.push_back(future);
        return future;
    }

    void refuse() noexcept { shut_down_.store(true, std::memory_order_release); }
    [[nodiscard]] std::size_t outstanding() const noexcept {
        return outstanding_.load(std::memory_order_relaxed);
    }

    void cancel_waiting() {
        for (const auto& call : Lane::instance().withdraw(*this)) {
            call->discard();
            ++tally_.cancelled;
            forget();
        }
        jobs_.for_each([](Job& job) { job.cancel(); });
    }

    void request_stop() {
        std::vector<std::shared_ptr<detail::ConcurrentState>> running;
        jobs_.for_each([&](Job& job) { running.push_back(job.call().state().shared_from_this()); });
        for (const auto& state : running)
            if (state->status() == detail::ConcurrentState::Status::running) state->request_stop();
    }

    [[nodiscard]] ExecutorStatistics statistics() {
        ExecutorStatistics statistics = tally_;
        if (loop_ == nullptr) return statistics;
        const TimePoint at = now();
        statistics.threads = share();
        statistics.longest_wait = longest_wait_;
        const auto queued = [&](detail::Call& call, TimePoint since) {
            if (call.state().status() != detail::ConcurrentState::Status::pending) {
                count(call.state(), statistics);
                return;
            }
            ++statistics.queued;
            statistics.longest_wait = std::max(statistics.longest_wait, at - since);
        };
        Lane::instance().for_each_of(*this,
                                     [&](const Queued& waiting) { queued(*waiting.call, waiting.since); });
        jobs_.for_each([&](Job& job) {
            const auto beginning = job.beginning();
            if (!beginning) {
                queued(job.call(), job.submitted());
                return;
            }
            statistics.longest_wait = std::max(statistics.longest_wait, beginning->at - job.submitted());
            // What has ended in its thread may not have been told to the loop.
            const auto status = job.call().state().status();
            if (status == detail::ConcurrentState::Status::finished ||
                status == detail::ConcurrentState::Status::cancelled)
                count(job.call().state(), statistics);
            else
                statistics.running.emplace_back(job.call().describe(), beginning->thread, at - beginning->at);
        });
        std::ranges::sort(statistics.running, std::greater<>(), &RunningCall::age);
        return statistics;
    }

    detail::IntrusiveList<Job>& jobs() noexcept { return jobs_; }
    [[nodiscard]] uv::Loop& uv() const { return loop_->bindings(); }

private:
    /// A call on its way to the loop's thread.
    class Delivery final : public detail::MailboxItem {
    public:
        using Target = void (Core::*)(Queued);
        static bool post(std::shared_ptr<Core> core, const Queued& queued, Target target) {
            detail::Mailbox& mailbox = *core->mailbox_;
            auto item = std::make_unique<Delivery>(std::move(core), queued, target);
            if (!mailbox.try_post(*item)) return false;
            static_cast<void>(item.release());
            return true;
        }
        Delivery(std::shared_ptr<Core> core, Queued queued, Target target)
            : core_(std::move(core)), queued_(std::move(queued)), target_(target) {}

    private:
        void deliver() noexcept override {
            const std::unique_ptr<Delivery> self(this);
            ((*core_).*target_)(std::move(queued_));
        }
        void drop() noexcept override {
            const std::unique_ptr<Delivery> self(this);
            queued_.call->discard();
            // It may have been given a share, which belongs to the next call then.
            if (target_ == &Core::start) start_anywhere(Lane::instance().leave());
        }
        std::shared_ptr<Core> core_;
        Queued queued_;
        Target target_;
    };

    void loop_closing() noexcept override {
        const std::shared_ptr<Core> keep = std::move(held_by_loop_);
        refuse();
        idle_waiters_.clear();
        cancel_waiting();
        // From here on nothing gets to this loop's thread: the mailbox is closed, and the jobs in flight end
        // by themselves.
        loop_ = nullptr;
    }

    void enter(Queued queued) {
        if (Lane::instance().enter(shared_from_this(), queued)) start(std::move(queued));
    }

    static void count(const detail::ConcurrentState& state, ExecutorStatistics& into) {
        if (state.status() == detail::ConcurrentState::Status::cancelled)
            ++into.cancelled;
        else if (state.failed())
            ++into.failed;
        else
            ++into.completed;
    }

    void forget() {
        if (outstanding_.fetch_sub(1, std::memory_order_relaxed) != 1) return;
        for (Future<>& waiter : std::exchange(idle_waiters_, {}))
            if (!waiter.done()) waiter.set_result();
    }

    EventLoop* loop_;
    std::shared_ptr<Core> held_by_loop_;
    const detail::LoopState* const state_;
    const std::shared_ptr<detail::Mailbox> mailbox_;
    detail::IntrusiveList<Job> jobs_;
    std::vector<Future<>> idle_waiters_;
    std::atomic<std::size_t> outstanding_ = 0;
    std::atomic<bool> shut_down_ = false;
    // On the loop's thread: what has ended. The rest of it stays empty.
    ExecutorStatistics tally_;
    Duration longest_wait_{0};
};

void WorkQueueExecutor::Job::start(std::shared_ptr<Core> core, Queued queued) {
    Core& owner = *core;
    std::unique_ptr<Job> job(new Job(std::move(core), std::move(queued)));
    job->Work::start(owner.uv());
    owner.jobs().push_back(*job.release());
}

void WorkQueueExecutor::Job::finished(uv::Work& work, int status) noexcept {
    const std::unique_ptr<Job> self(static_cast<Job*>(&work));
    self->unlink();
    if (status < 0)
        self->call().discard();
    else
        self->core_->note_wait(self->began_ - self->submitted());
    // Before the callbacks, so that they find it counted.
    self->core_->note_end(self->call());
    if (status >= 0) self->call().state().run_callbacks();
    self->core_->finished();
}

WorkQueueExecutor::WorkQueueExecutor(EventLoop& loop) : core_(std::make_shared<Core>(loop)) {
    core_->attach();
}

WorkQueueExecutor::~WorkQueueExecutor() { core_->refuse(); }

void WorkQueueExecutor::submit_call(std::shared_ptr<detail::Call> call) { core_->submit(std::move(call)); }

Future<> WorkQueueExecutor::idle() { return core_->idle(); }

void WorkQueueExecutor::request_stop() { core_->request_stop(); }

ExecutorStatistics WorkQueueExecutor::statistics() const { return core_->statistics(); }

std::vector<RunningCall> WorkQueueExecutor::running_calls() const { return statistics().running; }

void WorkQueueExecutor::shutdown(bool wait, bool cancel_futures) {
    core_->refuse();
    if (cancel_futures) core_->cancel_waiting();
    if (wait && core_->outstanding() > 0)
        throw RuntimeError(
            "the default executor has calls left and cannot be waited for on the loop's thread: "
            "await shutdown_default_executor()");
}

unsigned WorkQueueExecutor::share() noexcept {
    // As many threads as asyncio's default pool has. One is kept for files and one for DNS where there are
    // enough.
    static const unsigned threads =
        uv::configure_work_threads(std::min(32U, uv::available_parallelism() + 4));
    return threads >= 4 ? threads - 2 : threads >= 2 ? threads - 1 : 1;
}

} // namespace aio
