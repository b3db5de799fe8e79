#pragma once

/// One worker process, as its pool sees it: two pipes, and the call that is on it.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/core/handle.hpp>
#include <aio/executors/process_entry.hpp>
#include <aio/executors/remote_form.hpp>
#include <aio/uv/completion.hpp>
#include <aio/uv/pipe.hpp>
#include <aio/workers/buffer_list.hpp>
#include <aio/workers/byte_writer.hpp>
#include <aio/workers/call_marks.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/progress.hpp>
#include <aio/workers/worker_buffers.hpp>
#include <aio/workers/worker_launcher.hpp>

namespace aio::detail {

class ProcessWorker;

/// Why a call is to stop.
enum class StopReason : std::uint8_t { none, cancelled, timed_out };

/// Told what comes from a worker. May close the worker from inside these calls.
class WorkerOwner {
public:
    /// The worker waits for its first call.
    virtual void worker_ready(ProcessWorker& worker) noexcept = 0;
    /// Its initializer has thrown, and it ends: `frame` says what.
    virtual void start_refused(ProcessWorker& worker, const FrameView& frame) noexcept = 0;
    /// The worker's call has ended: `result` or `error` frame. It is idle again, `entry` is the call.
    virtual void call_ended(ProcessWorker& worker, PoolEntry entry, StopReason stopped,
                            const FrameView& frame) noexcept = 0;
    /// The frame of the call has left completely; the worker can take another once the call has ended.
    virtual void frame_sent(ProcessWorker& worker) noexcept = 0;
    /// All that had come from it for now has been told.
    virtual void worker_heard(ProcessWorker& worker) noexcept = 0;
    /// Its call has said how far it is: `worker.progress()`.
    virtual void call_progressed(ProcessWorker& worker) noexcept = 0;
    /// The worker has closed its pipe, or sent something that is no frame: it is to be killed.
    virtual void worker_lost(ProcessWorker& worker, const std::string& reason) noexcept = 0;

protected:
    WorkerOwner() = default;
    ~WorkerOwner() = default;
};

/// What a worker that is gone has left behind.
struct WorkerRemains {
    /// The call that was on it, if there was one.
    PoolEntry entry;
    /// Whether that had begun.
    bool begun = false;
    /// What it had been given ahead and has not begun.
    std::vector<PoolEntry> ahead;
    /// What it has begun of that: it had gone on, and its answers were not heard.
    std::vector<PoolEntry> ahead_begun;
};

/// The channel to one worker. It is shared with its own callbacks, which may be what ends it.
///
/// A worker that makes short calls is given some ahead: they lie in its pipe, so it need not wait for the
/// pool between two calls, and the pool can send and hear of several at once. Until one of them begins, it
/// can be withdrawn (see call_marks.hpp).
class ProcessWorker final : public std::enable_shared_from_this<ProcessWorker>,
                            private uv::StreamReader,
                            private uv::Completion {
public:
    ProcessWorker(uv::Loop& loop, WorkerOwner& owner, std::uint64_t id, WorkerPipes pipes,
                  std::size_t max_payload);
    ProcessWorker(const ProcessWorker&) = delete;
    ProcessWorker& operator=(const ProcessWorker&) = delete;

    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    /// Known once it has said hello, and so whenever it is ready; -1 before.
    [[nodiscard]] int pid() const noexcept { return pid_; }
    void set_pid(int pid) noexcept { pid_ = pid; }

    /// Runs this library's code: nothing of the program's is between that and its being ready but the
    /// initializer.
    [[nodiscard]] bool greeted() const noexcept { return greeted_; }
    /// Has said that it is ready, at least once.
    [[nodiscard]] bool ready() const noexcept { return ready_; }
    [[nodiscard]] bool busy() const noexcept { return static_cast<bool>(entry_.call); }
    /// The number of the call that is on it; 0 if there is none.
    [[nodiscard]] std::uint64_t call_id() const noexcept { return busy() ? entry_.id : 0; }
    /// The options of that call, or null.
    [[nodiscard]] const CallPlan* plan() const noexcept { return entry_.plan.get(); }
    /// What its call has reported last, if it has.
    [[nodiscard]] const std::optional<Progress>& progress() const noexcept { return progress_; }
    /// Lets its call, which emits items, go so much further.
    void give_credit(std::uint64_t items, std::uint64_t bytes) noexcept;
    /// Why its call is to stop.
    [[nodiscard]] StopReason stopping() const noexcept { return stopping_; }
    /// A signal may be on its way to it: it must not get another call.
    [[nodiscard]] bool doomed() const noexcept { return doomed_; }
    void doom() noexcept { doomed_ = true; }
    /// Asks its call to stop.
    void ask_to_stop(StopReason reason) noexcept;
    /// What is to happen when its call takes too long; forgotten when the call ends, unless it is doomed.
    void set_deadline(TimerHandle deadline) noexcept {
        deadline_.cancel();
        deadline_ = std::move(deadline);
    }
    /// Nothing can be sent to it any more.
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    /// Has been told to end.
    [[nodiscard]] bool finishing() const noexcept { return finishing_; }
    [[nodiscard]] bool can_take_call() const noexcept {
        return ready_ && !busy() && !sending_ && !lost_ && !finishing_ && !doomed_;
    }

    /// How many calls it has been given ahead.
    [[nodiscard]] std::size_t ahead() const noexcept { return ahead_.size(); }
    /// Whether one of them has that number; its call has begun, and will be stopped in its turn.
    [[nodiscard]] bool stop_in_its_turn(std::uint64_t call) noexcept;
    /// Whether the turn of such a call has come.
    [[nodiscard]] bool stop_wanted() const noexcept { return busy() && entry_.stop_wanted; }
    /// It has been given a call, and had none.
    void note_given(TimePoint now) noexcept { heard_at_ = now; }
    /// Something has come from it.
    void note_heard(TimePoint now) noexcept;
    /// Whether its calls take so long that what it was given ahead is better off elsewhere. It is then given
    /// no more until they are short again.
    [[nodiscard]] bool holds_up(TimePoint now) noexcept;
    /// Whether it can be given one more call ahead.
    [[nodiscard]] bool can_take_ahead() const noexcept;
    /// Whether it has so few of them that it is time for more, and does not seem to be held up.
    [[nodiscard]] bool wants_ahead(TimePoint now) const noexcept;
    /// Gives it a call ahead, with the next `send_ahead`. False, with the entry as it was, if this is no call
    /// for that.
    [[nodiscard]] bool put_ahead(PoolEntry& entry);
    void send_ahead() noexcept;
    /// Takes back those of them that have not begun, the last one first.
    [[nodiscard]] std::optional<PoolEntry> withdraw_last() noexcept;

    /// Why it will not be ready, if that is known.
    [[nodiscard]] const std::string& start_error() const noexcept { return start_error_; }
    void set_start_error(std::string reason) { start_error_ = std::move(reason); }
    /// How many calls it may answer; by default as many as come.
    void set_quota(std::uint64_t calls) noexcept { quota_ = calls; }
    [[nodiscard]] bool quota_used() const noexcept { return quota_ != 0 && answered_ >= quota_; }
    /// Since when it has been idle, if its pool keeps that.
    [[nodiscard]] TimePoint idle_since() const noexcept { return idle_since_; }
    void set_idle_since(TimePoint now) noexcept { idle_since_ = now; }

    void start_reading();
    /// Hands over the call that it is to make before it is ready. Throws `std::bad_alloc`.
    void send_initializer(const ByteWriter& frame);
    /// Hands over a call. False, with the entry fit for another worker, if the worker turns out to be gone;
    /// it is for the caller to `lose` it then. Throws `std::system_error` when the call's shared memory
    /// cannot be sent.
    [[nodiscard]] bool send(PoolEntry& entry);
    /// What its call has written so far, if that is captured; it is then forgotten here.
    [[nodiscard]] std::string take_output();
    [[nodiscard]] std::string take_errors();
    /// Lets an idle worker end by itself.
    void finish() noexcept;
    /// Nothing can be sent to it or is expected from it any more: tells the owner, the first time.
    void lose(const std::string& reason) noexcept;

    /// Takes in what has come from it by now.
    void hear() noexcept;
    /// The same for a worker that has ended: nothing comes any more.
    void drain() noexcept;
    /// The process is known to have ended, so its memory can be used for something else.
    void has_ended() noexcept { buffers_.worker_has_ended(); }
    /// Closes the pipes, upon which an idle worker ends; no callback comes any more.
    WorkerRemains close() noexcept;

private:
    std::span<std::byte> room(std::span<std::byte> shared) noexcept override { return shared; }
    void received(std::span<const std::byte> data) noexcept override;
    void ended(int status) noexcept override;
    static void on_sent(uv::Completion& self, int status) noexcept;

    /// Sends it as soon as there is room, behind what has been sent before.
    void send_bytes(std::span<const std::byte> bytes) noexcept;
    void take(const FrameView& frame);
    void take_item(const FrameView& frame);
    void take_progress(const FrameView& frame);
    void send_credit() noexcept;
    void begin_entry(PoolEntry entry) noexcept;
    void end_call(const FrameView& frame) noexcept;
    void begin_next() noexcept;
    void send_stop() noexcept;
    void note_text();

    WorkerOwner& owner_;
    const std::uint64_t id_;
    int pid_ = -1;
    uv::Pipe tasks_;
    uv::Pipe results_;
    uv::Descriptor output_;
    uv::Descriptor errors_;
    WorkerBuffers buffers_;
    FrameParser parser_;
    PoolEntry entry_;
    /// What libuv is still sending; it may outlast the call, whose result can overtake the end of the write.
    ByteWriter outgoing_;
    const std::shared_ptr<CallMarks> marks_;
    std::deque<PoolEntry> ahead_;
    /// The frames of those of them that have not been sent.
    ByteWriter unsent_;
    /// Of the next call that is sent.
    std::uint64_t next_number_ = 0;
    /// Calls with lower numbers have been answered or withdrawn.
    std::uint64_t first_unanswered_ = 0;
    /// When its last answer came, or it was given a call after that; and how many answers there were.
    TimePoint heard_at_{};
    std::uint64_t heard_ = 0;
    /// Its last call was short.
    bool quick_ = false;
    StopReason stopping_ = StopReason::none;
    /// What its call may have, and could not be told yet.
    StreamCredit credit_;
    std::optional<Progress> progress_;
    TimerHandle deadline_;
    std::string start_error_;
    std::uint64_t quota_ = 0;
    std::uint64_t answered_ = 0;
    TimePoint idle_since_{};
    bool greeted_ = false;
    bool ready_ = false;
    bool sending_ = false;
    bool finishing_ = false;
    bool doomed_ = false;
    bool lost_ = false;
    bool closed_ = false;
};

} // namespace aio::detail
