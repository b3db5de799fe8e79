#pragma once

/// The threads and the queue of a `ThreadPoolExecutor`. For the library.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <aio/core/clock.hpp>
#include <aio/core/parked_threads.hpp>
#include <aio/executors/concurrent_state.hpp>
#include <aio/executors/executor_statistics.hpp>
#include <aio/executors/worker_resource.hpp>

namespace aio::detail {

/// Shared by the pool and its threads: a call may hold the last reference to its own pool, and its thread
/// then outlives the pool for a moment. Thread-safe.
class ThreadPoolCore : public std::enable_shared_from_this<ThreadPoolCore> {
public:
    ThreadPoolCore(std::size_t max_workers, std::string name_prefix, std::function<void()> initializer,
                   WorkerKind kind);
    ThreadPoolCore(const ThreadPoolCore&) = delete;
    ThreadPoolCore& operator=(const ThreadPoolCore&) = delete;
    ~ThreadPoolCore();

    [[nodiscard]] std::size_t max_workers() const noexcept { return max_workers_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_prefix_; }

    void submit(std::shared_ptr<Call> call);
    void shutdown(bool cancel_queued);
    /// Waits until all threads have ended; from one of them, until the others have, or wait for the same.
    /// False if the deadline came first: from then on the threads are left to themselves.
    bool join(std::optional<TimePoint> deadline);
    /// Whether a `join` has given up.
    [[nodiscard]] bool abandoned() const;
    void request_stop();
    [[nodiscard]] ExecutorStatistics statistics() const;

private:
    struct Queued {
        std::shared_ptr<Call> call;
        TimePoint since;
    };
    struct Worker {
        std::thread thread;
        std::string name;
        /// What it runs, or null. Owned by the thread's own frame.
        Call* call = nullptr;
        TimePoint started;
        /// Used by the thread itself only.
        std::unique_ptr<WorkerResource> resource;
        std::size_t tasks = 0;
        bool prepared = false;
    };
    /// How many calls have ended in which way.
    struct Tally {
        std::uint64_t completed = 0;
        std::uint64_t failed = 0;
        std::uint64_t cancelled = 0;
        void count(const ConcurrentState& state);
    };

    [[nodiscard]] bool own_thread() const noexcept;
    void start_thread();
    void work(Worker& self);
    void run_calls(Worker& self);
    /// Runs the initializer and makes the resource; false if that broke the pool.
    [[nodiscard]] bool prepare(Worker& self);
    void break_down(const std::exception_ptr& error);
    /// After a call: closes a resource that is spent.
    void retire_resource(Worker& self);
    [[nodiscard]] std::shared_ptr<Call> take_next(Worker& self);
    /// One that has been given a call is not parked, although it does not know yet.
    void note_parked() noexcept { parked_.set(queue_.empty() ? idle_ : 0); }

    const std::size_t max_workers_;
    const std::string name_prefix_;
    const std::function<void()> initializer_;
    const WorkerKind kind_;

    mutable std::mutex mutex_;
    std::condition_variable work_available_;
    std::condition_variable thread_ended_;
    std::deque<Queued> queue_;
    // References to workers stay valid while it grows.
    std::deque<Worker> workers_;
    std::size_t idle_ = 0;
    ParkedThreads parked_;
    /// Threads that have not ended yet, and how many of them wait in `join`.
    std::size_t alive_ = 0;
    std::size_t joining_themselves_ = 0;
    bool shut_down_ = false;
    bool abandoned_ = false;
    std::string broken_reason_;
    Tally tally_;
    std::uint64_t replaced_ = 0;
    Duration longest_wait_{0};
};

} // namespace aio::detail
