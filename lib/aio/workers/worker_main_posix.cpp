#include <aio/workers/worker_main_posix.hpp>

#include <aio/core/errors.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/core/type_name.hpp>
#include <aio/workers/call_marks.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/large_payload.hpp>
#include <aio/workers/pool_buffers_posix.hpp>
#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/remote_call.hpp>
#include <aio/workers/remote_error.hpp>
#include <aio/workers/task_inbox_posix.hpp>
#include <aio/workers/task_reports_posix.hpp>
#include <aio/workers/task_stream_posix.hpp>
#include <aio/workers/worker_limits_posix.hpp>
#include <aio/workers/worker_stop_posix.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace aio::detail {

namespace {

/// A large result should not hold its memory until the worker ends.
constexpr std::size_t keep_capacity = std::size_t{1} << 20;

/// No exit code.
constexpr int worker_goes_on = -1;

class Worker {
public:
    explicit Worker(WorkerSetup& setup)
        : setup_(setup), parser_(setup.max_payload), buffers_(setup.number, std::move(setup.buffers)) {
        if (setup.marks.valid()) marks_.emplace(std::move(setup.marks));
    }

    /// Serves until the end; returns the exit code.
    int run();

private:
    void leave_if_copy() const noexcept;
    bool send(const ByteWriter& out) const noexcept { return write_all(setup_.results.get(), out.bytes()); }
    bool greet();
    int take(const FrameView& frame);
    int initialize(const FrameView& call);
    bool begin(const FrameView& task);
    bool answer(const FrameView& task);
    std::uint16_t run_task(const FrameView& task, std::size_t start, const WorkerOrders& orders);
    void report_error(std::size_t start);
    [[nodiscard]] std::size_t payload_limit() const noexcept;
    std::size_t append_usage(std::uint64_t id, const CallUsage& usage);
    void overwrite_usage(std::size_t payload, const CallUsage& usage);

    const pid_t self_ = ::getpid();
    WorkerSetup& setup_;
    FrameParser parser_;
    PoolBuffers buffers_;
    std::optional<CallMarks> marks_;
    std::uint64_t next_number_ = 0;
    ByteWriter out_;
    WorkerOrders orders_;
};

/// A task that has forked may return twice, or throw. The copy has the worker's pipes and must not speak for
/// it: it ends before it touches them, with nothing flushed that the worker flushes too.
void Worker::leave_if_copy() const noexcept {
    if (::getpid() != self_) ::_exit(0);
}

bool Worker::greet() {
    ByteWriter out;
    const std::size_t start = begin_frame(out);
    encode(out, WorkerHello{getpid()});
    finish_frame(out, start, FrameType::hello, 0);
    if (!setup_.initializes) append_frame(out, FrameType::ready, 0, {});
    return send(out);
}

/// Makes the call that comes before READY; what it returns is dropped.
int Worker::initialize(const FrameView& call) {
    out_.clear();
    const std::size_t start = begin_frame(out_);
    bool failed = false;
    try {
        execute_call(call.payload(), out_);
    } catch (...) {
        leave_if_copy();
        report_error(start);
        finish_frame(out_, start, FrameType::error, 0);
        failed = true;
    }
    leave_if_copy();
    std::fflush(stdout);
    if (!failed) {
        out_.truncate(start);
        append_frame(out_, FrameType::ready, 0, {});
    }
    if (!send(out_)) return worker_exit_broken_pipe;
    return failed ? worker_exit_initializer_failed : worker_goes_on;
}

/// Gives the flags of the result's frame.
std::uint16_t Worker::run_task(const FrameView& task, std::size_t start, const WorkerOrders& orders) {
    // Shared memory that comes with the call is not memory that the call takes.
    if (orders.memory_bytes != 0) buffers_.take_in();
    std::optional<ReceivedPayload> payload(std::in_place, task, buffers_);
    const CallLimits limits(orders);
    out_.set_buffer_link(&buffers_);
    execute_call(payload->bytes(), out_);
    leave_if_copy();
    payload.reset();
    out_.set_buffer_link(nullptr);
    const std::size_t size = frame_payload_size(out_, start);
    const std::size_t limit = payload_limit();
    if (size > limit) {
        throw RuntimeError("the result takes " + std::to_string(size) + " bytes, and the limit is " +
                           std::to_string(limit));
    }
    const std::uint16_t flags = share_large_payload(out_, start, buffers_);
    buffers_.hand_over();
    return flags;
}

/// The rest is for what is said about buffers.
std::size_t Worker::payload_limit() const noexcept {
    return setup_.max_payload - (buffers_.has_notes() ? sizeof(AnswerTrailer) : 0);
}

/// Writes the exception being handled in place of what the task has left in the buffer.
void Worker::report_error(std::size_t start) {
    out_.set_buffer_link(nullptr);
    buffers_.discard();
    out_.truncate(start);
    static_cast<void>(begin_frame(out_));
    encode_current_exception(out_);
    if (frame_payload_size(out_, start) <= payload_limit()) {
        return;
    }
    const std::string type = current_exception_type_name().substr(0, smallest_max_payload / 4);
    out_.truncate(start);
    static_cast<void>(begin_frame(out_));
    try {
        throw RuntimeError("the task threw " + type + ", whose description exceeds the limit of " +
                           std::to_string(payload_limit()) + " bytes");
    } catch (const RuntimeError&) {
        encode_current_exception(out_);
    }
}

/// Gives the place of the payload, for `overwrite_usage`.
std::size_t Worker::append_usage(std::uint64_t id, const CallUsage& usage) {
    const std::size_t start = begin_frame(out_);
    const std::size_t payload = out_.size();
    encode(out_, usage);
    finish_frame(out_, start, FrameType::usage, id);
    return payload;
}

void Worker::overwrite_usage(std::size_t payload, const CallUsage& usage) {
    ByteWriter bytes;
    encode(bytes, usage);
    out_.overwrite(payload, bytes.bytes());
}

/// False if the pool has taken it back.
bool Worker::begin(const FrameView& task) { return !marks_ || marks_->begin(next_number_++, task.task_id()); }

bool Worker::answer(const FrameView& task) {
    const WorkerOrders orders = std::exchange(orders_, WorkerOrders());
    if (!begin(task)) return true;
    out_.clear();
    const std::size_t usage = orders.measure != 0 ? append_usage(task.task_id(), CallUsage()) : 0;
    const std::size_t start = begin_frame(out_);
    FrameType type = FrameType::result;
    std::uint16_t flags = 0;
    {
        TaskReports reports(setup_.results.get(), task.task_id());
        TaskInbox inbox(setup_.tasks.get(), parser_, task.task_id(), orders);
        std::optional<TaskStream> items;
        if (orders.stream_items != 0)
            items.emplace(inbox, reports, buffers_, task.task_id(), setup_.max_payload);
        const RunningTask running(orders.attempt, reports, inbox, items ? &*items : nullptr);
        std::optional<CallMeter> meter;
        if (orders.measure != 0) meter.emplace();
        try {
            flags = run_task(task, start, orders);
        } catch (...) {
            leave_if_copy();
            report_error(start);
            type = FrameType::error;
        }
        if (meter) overwrite_usage(usage, meter->usage());
    }
    buffers_.report();
    if (const AnswerTrailer trailer{buffers_.take_note_count()}; trailer.notes != 0) {
        out_.append(&trailer, sizeof trailer);
        flags |= FrameHeader::has_buffer_notes;
    }
    finish_frame(out_, start, type, task.task_id(), flags);
    // What the task printed is seen before its result, and not lost if the worker is killed later.
    std::fflush(stdout);
    const bool sent = send(out_);
    if (out_.size() > keep_capacity) {
        out_ = ByteWriter();
    }
    return sent;
}

int Worker::run() {
    if (!greet()) {
        return worker_exit_broken_pipe;
    }
    std::array<std::byte, 65536> buffer;
    for (;;) {
        buffers_.wait_for(setup_.tasks.get());
        const ssize_t received = ::read(setup_.tasks.get(), buffer.data(), buffer.size());
        if (received < 0 && errno == EINTR) {
            continue;
        }
        if (received <= 0) {
            return received == 0 ? 0 : worker_exit_broken_pipe;
        }
        parser_.feed(std::span(buffer).first(static_cast<std::size_t>(received)));
        while (const auto frame = parser_.next()) {
            if (const int code = take(*frame); code != worker_goes_on) return code;
        }
    }
}

/// Does what the frame says; the exit code, or `worker_goes_on`.
int Worker::take(const FrameView& frame) {
    switch (frame.type()) {
    case FrameType::initialize: return initialize(frame);
    case FrameType::task: return answer(frame) ? worker_goes_on : worker_exit_broken_pipe;
    case FrameType::orders: orders_ = decode_all<WorkerOrders>(frame.payload()); return worker_goes_on;
    // The task that was to stop, or might have emitted more, has ended meanwhile.
    case FrameType::stop:
    case FrameType::credit: return worker_goes_on;
    case FrameType::goodbye: return 0;
    default: return worker_exit_protocol_error;
    }
}

/// What is in the buffer when the worker dies would be lost, so lines do not stay there.
void capture_output(WorkerSetup& setup) noexcept {
    if (!setup.output.valid() || !setup.errors.valid()) return;
    dup2(setup.output.get(), STDOUT_FILENO);
    dup2(setup.errors.get(), STDERR_FILENO);
    setup.output.close();
    setup.errors.close();
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

/// The order matters: bound to its parent before anything can go wrong, out of the terminal's process group
/// before signals are let in again.
void become_worker(WorkerSetup& setup) noexcept {
    if (!die_with_parent(setup.parent)) {
        _exit(worker_exit_broken_pipe);
    }
    setpgid(0, 0);
    reset_signal_handlers();
    std::signal(SIGPIPE, SIG_IGN);
    unblock_all_signals();
    detach_stdin();
    capture_output(setup);
    if (!setup.inherits_nothing) {
        const std::array<int, 4> keep{setup.tasks.get(), setup.results.get(), setup.buffers.get(),
                                      setup.marks.get()};
        close_occupied(setup.last_inherited);
        close_all_above(setup.last_inherited, keep);
    }
    set_process_name("aio-worker");
}

} // namespace

void run_worker(WorkerSetup setup) noexcept {
    become_worker(setup);
    // Its zygote may have been forked while a loop ran, which does not run here: calls may run their own.
    const RunningLoopScope no_loop(nullptr);
    int code = worker_exit_protocol_error;
    try {
        code = Worker(setup).run();
    } catch (const ProtocolError&) {
        code = worker_exit_protocol_error;
    } catch (const DecodeError&) {
        code = worker_exit_protocol_error;
    } catch (const std::system_error&) {
        code = worker_exit_broken_pipe;
    }
    std::cout.flush();
    std::fflush(nullptr);
    _exit(code);
}

} // namespace aio::detail
