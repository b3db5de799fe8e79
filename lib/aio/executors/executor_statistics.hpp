#pragma once

/// What an executor is doing: `statistics()` of the pools of threads and of the default executor, and the
/// error of a shutdown that took too long.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/core/errors.hpp>

namespace aio {

/// A call that is running.
class RunningCall {
public:
    RunningCall(std::string call_name, std::string thread_name, Duration running_for)
        : name(std::move(call_name)), thread(std::move(thread_name)), age(running_for) {}

    /// The name it was given by `ThreadCallOptions`, else the type of its callable, or what an interpreter
    /// runs.
    std::string name;
    /// The thread that it occupies.
    std::string thread;
    /// How long it has been running.
    Duration age;
};

/// "'parse' (running for 2.5 s in thread pool_0), ..."
[[nodiscard]] std::string describe(const std::vector<RunningCall>& calls);

/// A picture of one moment. The numbers of calls count from the making of the executor.
class ExecutorStatistics {
public:
    ExecutorStatistics() = default;

    /// Threads that exist, and how many of them wait for a call. The default executor gives the threads that
    /// it may use, which it shares with all loops of the process.
    std::size_t threads = 0;
    std::size_t idle = 0;
    /// Calls that have not started.
    std::size_t queued = 0;
    /// Those that run, the oldest first.
    std::vector<RunningCall> running;
    /// How calls have ended: with a result, with an exception, cancelled before they started.
    std::uint64_t completed = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    /// The longest that a call has waited for its start; those that wait now count too.
    Duration longest_wait{0};
    /// Workers of a pool of interpreters or states that were closed to be made anew.
    std::uint64_t replaced = 0;
};

/// A shutdown with a time limit has not ended in time. The message names the pool, the calls that still run,
/// their threads, and for how long they have been running.
class ShutdownTimeout : public TimeoutError {
public:
    ShutdownTimeout(const std::string& executor, ExecutorStatistics statistics);
    /// The calls that keep it from ending, and all else at that moment.
    [[nodiscard]] const ExecutorStatistics& statistics() const noexcept { return statistics_; }

private:
    ExecutorStatistics statistics_;
};

namespace detail {

/// "still running: ...; 3 calls are queued", for reports.
[[nodiscard]] std::string describe_blocking(const ExecutorStatistics& statistics);

} // namespace detail
} // namespace aio
