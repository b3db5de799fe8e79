#pragma once

/// `CallRecord`: what one call in a worker process has used.
///
///     aio::CallRecord record;
///     co_await loop.run_in_executor(pool, aio::ProcessCallOptions().record(record), parse, text);
///     log(record.report().user_time, record.report().max_resident_bytes);

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <aio/executors/process_errors.hpp>

namespace aio {

/// What is known about a call that has ended.
class CallReport {
public:
    /// The worker that had it last; 0 if none did.
    int pid = 0;
    /// What the last attempt wrote to its standard output and error, if the pool captures that.
    std::string output;
    std::string errors;
    /// How often it was begun.
    unsigned attempts = 0;
    /// The ends of the workers that died of it.
    std::vector<WorkerEnd> crashes;
    /// How long it ran, and the processor time of its process meanwhile. Zero if the worker died.
    std::chrono::nanoseconds wall_time{};
    std::chrono::microseconds user_time{};
    std::chrono::microseconds system_time{};
    /// The most memory that the worker had until then, this call or an earlier one.
    std::uint64_t max_resident_bytes = 0;
};

/// A handle to the report of a call; copies share it. It is filled in on the loop's thread before the call's
/// future is done: look at it afterwards, or on that thread.
class CallRecord {
public:
    CallRecord() : report_(std::make_shared<CallReport>()) {}

    [[nodiscard]] const CallReport& report() const noexcept { return *report_; }
    /// For the library.
    [[nodiscard]] CallReport& writable() const noexcept { return *report_; }

private:
    std::shared_ptr<CallReport> report_;
};

} // namespace aio
