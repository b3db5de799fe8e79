#pragma once
// Limits on one call in a worker process, and what the call has used.

#include <chrono>
#include <cstdint>

#include <sys/resource.h>

#include <aio/workers/worker_orders.hpp>

namespace aio::detail {

/// Limits the process for as long as it lives. A process that uses more processor time than is allowed is
/// ended by SIGXCPU; memory beyond its limit is not given.
class CallLimits {
public:
    explicit CallLimits(const WorkerOrders& orders) noexcept;
    CallLimits(const CallLimits&) = delete;
    CallLimits& operator=(const CallLimits&) = delete;
    ~CallLimits();

private:
    bool limits_time_ = false;
    bool limits_memory_ = false;
    rlimit usual_memory_{};
};

/// Measures from when it is made.
class CallMeter {
public:
    CallMeter() noexcept;
    [[nodiscard]] CallUsage usage() const noexcept;

private:
    std::chrono::steady_clock::time_point start_;
    rusage before_{};
};

} // namespace aio::detail
