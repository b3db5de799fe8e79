#pragma once
// What a call says to its pool while it runs: by the pipe that its result will take.

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>

#include <aio/workers/progress.hpp>

namespace aio::detail {

/// One for each call, which costs nothing until the call says something. Thread-safe.
class TaskReports {
public:
    TaskReports(int result_pipe, std::uint64_t task_id) noexcept : pipe_(result_pipe), id_(task_id) {}
    TaskReports(const TaskReports&) = delete;
    TaskReports& operator=(const TaskReports&) = delete;
    /// Sends what is left to say: after this comes the result.
    ~TaskReports();

    /// Never waits: while the pipe is full, the last report is kept, and sent with whatever comes next.
    void report(Progress progress);
    /// Sends whole frames, however long that takes. False when the pool is gone.
    [[nodiscard]] bool send(std::span<const std::byte> frames) noexcept;

private:
    void send_kept() noexcept;

    const int pipe_;
    const std::uint64_t id_;
    std::mutex mutex_;
    std::optional<Progress> kept_;
};

} // namespace aio::detail
