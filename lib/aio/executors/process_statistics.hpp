#pragma once

/// What a process pool has done so far.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <aio/workers/progress.hpp>

namespace aio {

/// How far a worker is with its call.
class WorkerProgress {
public:
    WorkerProgress(int worker_pid, Progress last_report)
        : pid(worker_pid), progress(std::move(last_report)) {}
    int pid;
    Progress progress;
};

/// The state of a pool at one moment, and counts since it was made.
class ProcessPoolStatistics {
public:
    /// Workers that are not ready yet, that wait for a call, that have one.
    std::size_t starting = 0;
    std::size_t idle = 0;
    std::size_t busy = 0;
    /// Calls that no worker has.
    std::size_t queued = 0;
    /// The last reports of the calls that run and have made any (`WorkerTask::report_progress`).
    std::vector<WorkerProgress> progress;

    /// Calls that were submitted, came back with a result, came back with an exception.
    std::uint64_t submitted = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    /// Calls that ran when their worker died, the repeated ones each time; and how often one was repeated.
    std::uint64_t crashed = 0;
    std::uint64_t retried = 0;
    /// Calls that were asked to stop while they ran, because they were cancelled or had taken too long.
    std::uint64_t stopped = 0;
    std::uint64_t timed_out = 0;

    /// Workers that have become ready, have ended after that, have failed to become ready.
    std::uint64_t workers_started = 0;
    std::uint64_t workers_ended = 0;
    std::uint64_t failed_starts = 0;
};

} // namespace aio
