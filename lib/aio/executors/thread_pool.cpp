#include <aio/executors/thread_pool.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <aio/core/error_context.hpp>
#include <aio/core/parked_threads.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/thread.hpp>

namespace aio {
namespace {

using CallQueue = std::deque<std::shared_ptr<detail::Call>>;

std::string default_prefix() {
    static constinit std::atomic<unsigned> pools{0};
    return "ThreadPoolExecutor-" + std::to_string(pools.fetch_add(1));
}

std::exception_ptr broken_thread_pool(const std::string& reason) {
    return std::make_exception_ptr(BrokenThreadPool(reason));
}

} // namespace

class ThreadPoolExecutor::Core : public std::enable_shared_from_this<Core> {
public:
    Core(int max_workers, std::string name_prefix, std::function<void()> initializer, BrokenError broken)
        : max_workers_(static_cast<std::size_t>(max_workers)),
          name_prefix_(std::move(name_prefix)),
          initializer_(std::move(initializer)),
          broken_(broken) {}

    ~Core() {
        // What is left here are threads that nobody has joined, because one of them dropped the pool: this
        // one, and others on their last instructions.
        for (std::thread& thread : threads_) thread.detach();
    }

    [[nodiscard]] int max_workers() const noexcept { return static_cast<int>(max_workers_); }

    void submit(std::shared_ptr<detail::Call> call) {
        {
            const std::lock_guard lock(mutex_);
            if (shut_down_)
                throw RuntimeError("cannot schedule new calls after shutdown of pool " + name_prefix_);
            if (!broken_reason_.empty()) std::rethrow_exception(broken_(broken_reason_));
            queue_.push_back(std::move(call));
            note_parked();
            if (queue_.size() > idle_ && threads_.size() < max_workers_) start_thread();
        }
        work_available_.notify_one();
    }

    void shutdown(bool cancel_queued) {
        CallQueue cancelled;
        {
            const std::lock_guard lock(mutex_);
            shut_down_ = true;
            if (cancel_queued) cancelled.swap(queue_);
        }
        work_available_.notify_all();
        for (const auto& call : cancelled) call->discard();
    }

    /// Waits until all threads have ended; from one of them, until the others have, or wait for the same.
    void join() {
        std::vector<std::thread> threads;
        {
            std::unique_lock lock(mutex_);
            if (own_thread()) {
                ++joining_themselves_;
                thread_ended_.notify_all();
                thread_ended_.wait(lock, [&] { return alive_ <= joining_themselves_; });
                --joining_themselves_;
                return;
            }
            thread_ended_.wait(lock, [&] { return alive_ == 0; });
            threads.swap(threads_);
        }
        for (std::thread& thread : threads) thread.join();
    }

private:
    [[nodiscard]] bool own_thread() const noexcept {
        const auto is_this = [](const std::thread& thread) {
            return thread.get_id() == std::this_thread::get_id();
        };
        return std::any_of(threads_.begin(), threads_.end(), is_this);
    }

    void start_thread() {
        ++alive_;
        try {
            threads_.emplace_back(
                [self = shared_from_this(), index = threads_.size()] { self->work(index); });
        } catch (...) {
            --alive_;
            // With at least one thread the call will run, only later.
            if (!threads_.empty()) return;
            queue_.pop_back();
            throw;
        }
    }

    void work(std::size_t index) {
        uv::set_thread_name(name_prefix_ + "_" + std::to_string(index));
        if (initialize()) run_calls();
        {
            const std::lock_guard lock(mutex_);
            --alive_;
        }
        thread_ended_.notify_all();
    }

    void run_calls() {
        std::unique_lock lock(mutex_);
        for (;;) {
            if (!queue_.empty()) {
                std::shared_ptr<detail::Call> call = std::move(queue_.front());
                queue_.pop_front();
                lock.unlock();
                call->run();
                call.reset();
                lock.lock();
                continue;
            }
            if (shut_down_ || !broken_reason_.empty()) return;
            ++idle_;
            note_parked();
            work_available_.wait(lock);
            --idle_;
            note_parked();
        }
    }

    /// One that has been given a call is not parked, although it does not know yet.
    void note_parked() noexcept { parked_.set(queue_.empty() ? idle_ : 0); }

    [[nodiscard]] bool initialize() {
        if (!initializer_) return true;
        try {
            initializer_();
            return true;
        } catch (...) {
            break_down(std::current_exception());
            return false;
        }
    }

    void break_down(const std::exception_ptr& error) {
        ErrorContext context;
        context.message = "Exception in the initializer of a pool";
        context.exception = error;
        context.source = name_prefix_;
        report_to_stderr(context);

        const std::string reason = "the initializer of pool " + name_prefix_ + " failed: " + describe(error);
        CallQueue orphans;
        {
            const std::lock_guard lock(mutex_);
            broken_reason_ = reason;
            orphans.swap(queue_);
        }
        work_available_.notify_all();
        for (const auto& call : orphans) call->fail(broken_(reason));
    }

    const std::size_t max_workers_;
    const std::string name_prefix_;
    const std::function<void()> initializer_;
    const BrokenError broken_;

    std::mutex mutex_;
    std::condition_variable work_available_;
    std::condition_variable thread_ended_;
    CallQueue queue_;
    std::vector<std::thread> threads_;
    std::size_t idle_ = 0;
    detail::ParkedThreads parked_;
    /// Threads that have not ended yet, and how many of them wait in `join`.
    std::size_t alive_ = 0;
    std::size_t joining_themselves_ = 0;
    bool shut_down_ = false;
    std::string broken_reason_;
};

int ThreadPoolExecutor::default_max_workers() noexcept {
    return std::min(32, static_cast<int>(uv::available_parallelism()) + 4);
}

ThreadPoolExecutor::ThreadPoolExecutor(int max_workers, std::string thread_name_prefix,
                                       std::function<void()> initializer)
    : ThreadPoolExecutor(max_workers, std::move(thread_name_prefix), std::move(initializer),
                         &broken_thread_pool) {}

ThreadPoolExecutor::ThreadPoolExecutor(int max_workers, std::string thread_name_prefix,
                                       std::function<void()> initializer, BrokenError broken) {
    if (max_workers <= 0)
        throw ValueError("max_workers must be greater than 0, not " + std::to_string(max_workers));
    if (thread_name_prefix.empty()) thread_name_prefix = default_prefix();
    core_ =
        std::make_shared<Core>(max_workers, std::move(thread_name_prefix), std::move(initializer), broken);
}

ThreadPoolExecutor::~ThreadPoolExecutor() { ThreadPoolExecutor::shutdown(true, false); }

int ThreadPoolExecutor::max_workers() const noexcept { return core_->max_workers(); }

void ThreadPoolExecutor::submit_call(std::shared_ptr<detail::Call> call) { core_->submit(std::move(call)); }

void ThreadPoolExecutor::shutdown(bool wait, bool cancel_futures) {
    core_->shutdown(cancel_futures);
    if (wait) core_->join();
}

} // namespace aio
