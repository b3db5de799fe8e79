#include <aio/executors/process_worker.hpp>

#include <new>

#include <aio/uv/error.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/large_payload.hpp>

namespace aio::detail {
namespace {

void note_usage(CallReport& report, const CallUsage& usage) noexcept {
    report.wall_time = std::chrono::nanoseconds(usage.wall_nanoseconds);
    report.user_time = std::chrono::microseconds(usage.user_microseconds);
    report.system_time = std::chrono::microseconds(usage.system_microseconds);
    report.max_resident_bytes = usage.max_resident_bytes;
}

} // namespace

ProcessWorker::ProcessWorker(uv::Loop& loop, WorkerOwner& owner, std::uint64_t id, WorkerPipes pipes,
                             std::size_t max_payload)
    : Completion(&on_sent),
      owner_(owner),
      id_(id),
      tasks_(loop, std::move(pipes.tasks)),
      results_(loop, std::move(pipes.results)),
      output_(std::move(pipes.output)),
      errors_(std::move(pipes.errors)),
      buffers_(id, std::move(pipes.buffers)),
      parser_(max_payload),
      marks_(std::move(pipes.marks)) {}

void ProcessWorker::start_reading() {
    results_.set_reader(*this);
    uv::check(results_.start_reading(), "read from a worker process");
}

void ProcessWorker::send_initializer(const ByteWriter& frame) { send_bytes(frame.bytes()); }

void ProcessWorker::send_bytes(std::span<const std::byte> bytes) noexcept {
    const int written = tasks_.try_write(bytes);
    // A worker that is gone is noticed by its exit.
    if (written < 0 || static_cast<std::size_t>(written) == bytes.size()) return;
    try {
        const int queued = tasks_.queue(bytes.subspan(static_cast<std::size_t>(written)));
        if (queued < 0) lose(uv::error_code(queued).message());
    } catch (const std::bad_alloc&) {
        lose("there was no memory for what it is to be sent");
    }
}

bool ProcessWorker::send(PoolEntry& entry) {
    // Only now, so that no more of this memory is in use than there are workers.
    if (const std::uint16_t flags = share_large_payload(entry.frame, entry.call_start, entry.buffers))
        finish_frame(entry.frame, entry.call_start, FrameType::task, entry.id, flags);
    if (!buffers_.offer(entry.buffers)) return false;
    entry.number = next_number_++;
    marks_->offer(entry.number, entry.id);
    const std::span<const std::byte> bytes = entry.frame.bytes();
    const int written = tasks_.try_write(bytes);
    if (written < 0) return false;
    const auto count = static_cast<std::size_t>(written);
    if (count < bytes.size()) {
        outgoing_ = std::move(entry.frame);
        if (tasks_.write(outgoing_.bytes().subspan(count), *this) < 0) {
            entry.frame = std::move(outgoing_);
            return false;
        }
        sending_ = true;
    }
    begin_entry(std::move(entry));
    return true;
}

void ProcessWorker::begin_entry(PoolEntry entry) noexcept {
    entry_ = std::move(entry);
    stopping_ = StopReason::none;
    credit_ = StreamCredit();
    progress_.reset();
}

void ProcessWorker::ask_to_stop(StopReason reason) noexcept {
    stopping_ = reason;
    // Not into the middle of the call's own frame.
    if (!sending_) send_stop();
}

void ProcessWorker::send_stop() noexcept {
    try {
        ByteWriter stop;
        append_frame(stop, FrameType::stop, entry_.id, {});
        send_bytes(stop.bytes());
    } catch (const std::bad_alloc&) {
        // It will be signalled.
    }
}

void ProcessWorker::finish() noexcept {
    finishing_ = true;
    try {
        // The end of the pipe would do, but a child of the program that was forked and not exec'ed may keep
        // it open.
        ByteWriter goodbye;
        append_frame(goodbye, FrameType::goodbye, 0, {});
        send_bytes(goodbye.bytes());
    } catch (const std::bad_alloc&) {
    }
    tasks_.close();
}

void ProcessWorker::on_sent(uv::Completion& completion, int status) noexcept {
    auto& self = static_cast<ProcessWorker&>(completion);
    const auto keep = self.shared_from_this();
    if (status < 0) {
        // The worker is gone. Its call, cut off in the middle, has not begun.
        self.lose(uv::error_code(status).message());
        return;
    }
    self.sending_ = false;
    // It may have to be sent to another worker.
    if (self.busy()) self.entry_.frame = std::move(self.outgoing_);
    self.outgoing_ = ByteWriter();
    if (self.busy() && self.stopping_ != StopReason::none) self.send_stop();
    self.send_credit();
    self.owner_.frame_sent(self);
}

void ProcessWorker::received(std::span<const std::byte> data) noexcept {
    const auto keep = shared_from_this();
    try {
        parser_.feed(data);
        while (!closed_) {
            const std::optional<FrameView> frame = parser_.next();
            if (!frame) break;
            take(*frame);
        }
        if (!closed_) owner_.worker_heard(*this);
    } catch (const std::exception& error) {
        lose(error.what());
    }
}

void ProcessWorker::take(const FrameView& frame) {
    switch (frame.type()) {
    case FrameType::hello:
        if (greeted_) throw ProtocolError("a worker said hello twice");
        greeted_ = true;
        // The zygote's own report may come later than the worker's first call ends: without this there would
        // be workers that work and cannot be killed.
        if (pid_ < 0) pid_ = static_cast<int>(decode_all<WorkerHello>(frame.payload()).pid);
        return;
    case FrameType::ready:
        if (ready_) throw ProtocolError("a worker said twice that it is ready");
        ready_ = true;
        note_text();
        owner_.worker_ready(*this);
        return;
    case FrameType::result:
    case FrameType::error:
        if (!ready_ && frame.type() == FrameType::error) {
            owner_.start_refused(*this, frame);
            return;
        }
        if (!busy() || frame.task_id() != entry_.id)
            throw ProtocolError("a worker answered call " + std::to_string(frame.task_id()) +
                                ", which it does not have");
        ++answered_;
        if (!doomed_) deadline_.cancel();
        note_text();
        if (frame.has_buffer_notes()) {
            buffers_.receive(entry_.buffers, frame.trailer<AnswerTrailer>().notes);
            end_call(frame.without_trailer(sizeof(AnswerTrailer)));
        } else {
            buffers_.add_held(entry_.buffers);
            end_call(frame);
        }
        return;
    case FrameType::item: take_item(frame); return;
    case FrameType::progress: take_progress(frame); return;
    case FrameType::usage:
        if (busy() && frame.task_id() == entry_.id && entry_.plan && entry_.plan->settings.record)
            note_usage(entry_.plan->settings.record->writable(), decode_all<CallUsage>(frame.payload()));
        return;
    default: throw ProtocolError("a worker sent a frame that only a pool may send");
    }
}

std::string ProcessWorker::take_output() { return WorkerLauncher::take_text(output_.get()); }

std::string ProcessWorker::take_errors() { return WorkerLauncher::take_text(errors_.get()); }

/// Before the worker has its next call, and writes more.
void ProcessWorker::note_text() {
    if (!output_.valid()) return;
    std::string output = take_output();
    std::string errors = take_errors();
    if (!entry_.plan || !entry_.plan->settings.record) return;
    CallReport& report = entry_.plan->settings.record->writable();
    report.output = std::move(output);
    report.errors = std::move(errors);
}

void ProcessWorker::ended(int status) noexcept {
    const auto keep = shared_from_this();
    lose(status == 0 ? "it closed its pipe" : uv::error_code(status).message());
}

void ProcessWorker::lose(const std::string& reason) noexcept {
    if (lost_) return;
    lost_ = true;
    owner_.worker_lost(*this, reason);
}

void ProcessWorker::hear() noexcept {
    if (closed_ || lost_) return;
    const auto keep = shared_from_this();
    WorkerLauncher::drain(results_.descriptor(), [this](std::span<const std::byte> data) {
        if (!closed_ && !lost_) received(data);
    });
}

void ProcessWorker::drain() noexcept {
    hear();
    lost_ = true;
}

WorkerRemains ProcessWorker::close() noexcept {
    WorkerRemains remains;
    // It may still run: what is withdrawn, it will not begin.
    remains.begun = busy() && !marks_->withdraw(entry_.number, entry_.id);
    for (PoolEntry& entry : ahead_) {
        const bool begun = !marks_->withdraw(entry.number, entry.id);
        // Nobody can cancel it any more, from here on by its state.
        if (begun) static_cast<void>(entry.call->state().begin());
        entry.leave_marks();
        (begun ? remains.ahead_begun : remains.ahead).push_back(std::move(entry));
    }
    ahead_.clear();
    closed_ = true;
    lost_ = true;
    deadline_.cancel();
    buffers_.close(entry_.buffers);
    tasks_.abort();
    results_.abort();
    if (busy() && sending_) entry_.frame = std::move(outgoing_);
    remains.entry = std::exchange(entry_, PoolEntry());
    return remains;
}

} // namespace aio::detail
