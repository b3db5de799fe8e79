#pragma once

/// How a worker process ended.

#include <chrono>
#include <cstdint>
#include <string>

namespace aio {

/// How a worker process has ended.
class WorkerExit {
public:
    WorkerExit() = default;
    /// The end of a worker whose own report is lost: killed together with its zygote.
    [[nodiscard]] static WorkerExit killed();
    /// The signal that killed it, or 0.
    int signal = 0;
    /// Its exit code, if it left by itself.
    int code = 0;
    std::chrono::microseconds user_time{};
    std::chrono::microseconds system_time{};
    std::uint64_t max_resident_bytes = 0;
    /// The end of what it had written to its standard output and error since its last call had ended, if its
    /// pool captures that.
    std::string output;
    std::string errors;

    /// Whether the processor time that it was allowed had been used.
    [[nodiscard]] bool exceeded_time() const noexcept;
    /// The last lines in `errors`, as "; its last words: ...", or nothing.
    [[nodiscard]] std::string last_words() const;
    /// "was killed by signal 9 (Killed)" or "exited with code 3".
    [[nodiscard]] std::string description() const;
};

} // namespace aio
