#include <aio/workers/task_stream_posix.hpp>

#include <unistd.h>

#include <string>
#include <system_error>

#include <aio/core/errors.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/large_payload.hpp>
#include <aio/workers/worker_main_posix.hpp>

namespace aio::detail {
namespace {

/// A large item should not hold its memory until the call ends.
constexpr std::size_t keep_capacity = std::size_t{1} << 20;

/// The pool empties the socket whenever it reads items, which does not depend on who takes them.
constexpr int notes_patience = 60'000;

} // namespace

TaskStream::TaskStream(TaskInbox& inbox, TaskReports& reports, PoolBuffers& buffers, std::uint64_t task_id,
                       std::size_t max_payload) noexcept
    : inbox_(inbox),
      reports_(reports),
      buffers_(buffers),
      process_(::getpid()),
      id_(task_id),
      max_payload_(max_payload) {}

ByteWriter& TaskStream::begin_item() {
    if (::getpid() != process_)
        throw RuntimeError("a process that a call has forked cannot emit the call's items");
    std::unique_lock lock(mutex_);
    if (!inbox_.wait_for_credit()) throw CancelledError("this call is to stop: nobody takes what it emits");
    // The reader may have let go of memory that comes from here.
    if (buffers_.shares_memory()) buffers_.take_in();
    out_.clear();
    start_ = begin_frame(out_);
    out_.set_buffer_link(&buffers_);
    // Until `end_item`.
    static_cast<void>(lock.release());
    return out_;
}

void TaskStream::send_item() {
    out_.set_buffer_link(nullptr);
    ItemTrailer trailer;
    const std::size_t size = frame_payload_size(out_, start_);
    if (size + sizeof trailer > max_payload_)
        throw RuntimeError("an item of the call takes " + std::to_string(size) + " bytes, and the limit is " +
                           std::to_string(max_payload_ - sizeof trailer));
    const std::uint16_t flags = share_large_payload(out_, start_, buffers_);
    trailer.bytes = frame_payload_size(out_, start_) + buffers_.attached_bytes();
    // Nothing must go wrong between the notes and the frame that says how many they are.
    out_.reserve(out_.size() + sizeof trailer);
    buffers_.hand_over(notes_patience);
    try {
        buffers_.report(notes_patience);
    } catch (const std::system_error&) {
        // The pool does not know any more what memory is in use here.
        ::_exit(worker_exit_broken_pipe);
    }
    trailer.notes = buffers_.take_note_count();
    out_.append(&trailer, sizeof trailer);
    finish_frame(out_, start_, FrameType::item, id_, flags);
    if (!reports_.send(out_.bytes())) throw CancelledError("this call is to stop: its pool is gone");
    inbox_.spend(trailer.bytes);
}

void TaskStream::end_item() noexcept {
    buffers_.discard();
    out_.set_buffer_link(nullptr);
    if (out_.size() > keep_capacity) out_ = ByteWriter();
    mutex_.unlock();
}

} // namespace aio::detail
