#pragma once
// What the pool says to a call while it runs: that it is to stop, and that the reader of its items has taken
// some. Both come by the pipe that the call came from, which nobody else reads meanwhile. Calls that are to
// come after this one may lie there, too; they are kept for then.

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>

#include <aio/workers/byte_writer.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/worker_orders.hpp>

namespace aio::detail {

/// Thread-safe. Of the threads that wait one waits at the pipe, and tells the others. Costs next to nothing
/// until somebody asks.
class TaskInbox {
public:
    /// When asked first, takes from `parser` what has been read of the pipe already, and gives back in the
    /// end what is not for this call.
    TaskInbox(int task_pipe, FrameParser& parser, std::uint64_t task_id, const WorkerOrders& orders);
    TaskInbox(const TaskInbox&) = delete;
    TaskInbox& operator=(const TaskInbox&) = delete;
    ~TaskInbox();

    /// Does not wait.
    [[nodiscard]] bool stop_requested();
    /// Waits until one more item may be sent. False if the call is to stop.
    [[nodiscard]] bool wait_for_credit();
    /// An item of that size has been sent.
    void spend(std::uint64_t bytes);

    /// For a watcher: waits for the wish to stop. False if `end_watch` was called before; whoever does that
    /// then makes the descriptor `end` readable.
    [[nodiscard]] bool watch_for_stop(int end);
    void end_watch();

private:
    template <class Condition>
    void wait_until(std::unique_lock<std::mutex>& lock, int other, Condition condition);
    void open();
    void read_available();
    void take_frames(std::span<const std::byte> bytes) noexcept;
    void take(const FrameView& frame);

    const int pipe_;
    FrameParser& origin_;
    const std::uint64_t id_;
    std::mutex mutex_;
    std::condition_variable changed_;
    FrameParser parser_{smallest_max_payload};
    /// What the reader has room for. The last item may take more bytes than there were.
    std::int64_t items_;
    std::int64_t bytes_;
    /// What comes after this call.
    ByteWriter later_;
    bool opened_ = false;
    bool stop_ = false;
    bool watch_ended_ = false;
    bool waiting_at_pipe_ = false;
};

} // namespace aio::detail
