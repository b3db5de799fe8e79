#pragma once
// The items that a call emits, on their way to the pool.

#include <cstddef>
#include <cstdint>
#include <mutex>

#include <aio/workers/byte_writer.hpp>
#include <aio/workers/emit.hpp>
#include <aio/workers/pool_buffers_posix.hpp>
#include <aio/workers/task_inbox_posix.hpp>
#include <aio/workers/task_reports_posix.hpp>

namespace aio::detail {

/// One for a call that emits items, for as long as that runs.
class TaskStream final : public ItemSink {
public:
    /// `max_payload` in bytes, of an item.
    TaskStream(TaskInbox& inbox, TaskReports& reports, PoolBuffers& buffers, std::uint64_t task_id,
               std::size_t max_payload) noexcept;

    [[nodiscard]] ByteWriter& begin_item() override;
    void send_item() override;
    void end_item() noexcept override;

private:
    TaskInbox& inbox_;
    TaskReports& reports_;
    PoolBuffers& buffers_;
    const int process_;
    const std::uint64_t id_;
    const std::size_t max_payload_;
    std::mutex mutex_;
    ByteWriter out_;
    std::size_t start_ = 0;
};

} // namespace aio::detail
