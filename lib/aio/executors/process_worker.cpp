#include <aio/executors/process_worker.hpp>

#include <new>

#include <aio/uv/error.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/large_payload.hpp>

namespace aio::detail {

ProcessWorker::ProcessWorker(uv::Loop& loop, WorkerOwner& owner, std::uint64_t id, WorkerPipes pipes,
                             std::size_t max_payload)
    : Completion(&on_sent),
      owner_(owner),
      id_(id),
      tasks_(loop, std::move(pipes.tasks)),
      results_(loop, std::move(pipes.results)),
      buffers_(id, std::move(pipes.buffers)),
      parser_(max_payload) {}

void ProcessWorker::start_reading() {
    results_.set_reader(*this);
    uv::check(results_.start_reading(), "read from a worker process");
}

bool ProcessWorker::send(PoolEntry& entry) {
    // Only now, so that no more of this memory is in use than there are workers.
    if (const std::uint16_t flags = share_large_payload(entry.frame, entry.buffers))
        finish_frame(entry.frame, 0, FrameType::task, entry.id, flags);
    if (!buffers_.offer(entry.buffers)) return false;
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
    entry_ = std::move(entry);
    return true;
}

void ProcessWorker::finish() noexcept {
    finishing_ = true;
    try {
        // The end of the pipe would do, but a child of the program that was forked and not exec'ed may keep
        // it open.
        ByteWriter goodbye;
        append_frame(goodbye, FrameType::goodbye, 0, {});
        static_cast<void>(tasks_.try_write(goodbye.bytes()));
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
    self.outgoing_ = ByteWriter();
    self.owner_.frame_sent(self);
}

void ProcessWorker::received(std::span<const std::byte> data) noexcept {
    const auto keep = shared_from_this();
    try {
        parser_.feed(data);
        while (!closed_) {
            const std::optional<FrameView> frame = parser_.next();
            if (!frame) return;
            take(*frame);
        }
    } catch (const std::exception& error) {
        lose(error.what());
    }
}

void ProcessWorker::take(const FrameView& frame) {
    switch (frame.type()) {
    case FrameType::hello:
        // The zygote's own report may come later than the worker's first call ends: without this there would
        // be workers that work and cannot be killed.
        if (pid_ < 0) pid_ = static_cast<int>(decode_all<WorkerHello>(frame.payload()).pid);
        return;
    case FrameType::ready:
        ready_ = true;
        owner_.worker_ready(*this);
        return;
    case FrameType::result:
    case FrameType::error:
        if (!busy() || frame.task_id() != entry_.id)
            throw ProtocolError("a worker answered call " + std::to_string(frame.task_id()) +
                                ", which it does not have");
        if (frame.has_buffer_notes()) buffers_.receive(entry_.buffers);
        owner_.call_ended(*this, std::exchange(entry_, PoolEntry()), frame);
        return;
    default: throw ProtocolError("a worker sent a frame that only a pool may send");
    }
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

void ProcessWorker::drain() noexcept {
    if (closed_ || lost_) return;
    const auto keep = shared_from_this();
    WorkerLauncher::drain(results_.descriptor(), [this](std::span<const std::byte> data) {
        if (!closed_ && !lost_) received(data);
    });
    lost_ = true;
}

bool ProcessWorker::has_received_call() const noexcept {
    if (sending_) return false;
    // What it has not taken out of the pipe before it died is still there; what it has taken out counts as
    // begun, even if it died in that instant. A large frame is not kept until then: when the last of it had
    // found room in the pipe, the worker was well on the way.
    return entry_.frame.size() == 0 || WorkerLauncher::unread(tasks_.descriptor()) == 0;
}

std::pair<PoolEntry, bool> ProcessWorker::close() noexcept {
    const bool begun = busy() && has_received_call();
    closed_ = true;
    lost_ = true;
    buffers_.close(entry_.buffers);
    tasks_.abort();
    results_.abort();
    if (busy() && sending_) entry_.frame = std::move(outgoing_);
    return {std::exchange(entry_, PoolEntry()), begun};
}

} // namespace aio::detail
