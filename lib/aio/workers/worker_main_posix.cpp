#include <aio/workers/worker_main_posix.hpp>

#include <aio/core/errors.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/core/type_name.hpp>
#include <aio/workers/descriptors_posix.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/large_payload.hpp>
#include <aio/workers/pool_buffers_posix.hpp>
#include <aio/workers/process_setup_posix.hpp>
#include <aio/workers/remote_call.hpp>
#include <aio/workers/remote_error.hpp>

#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <string>
#include <system_error>

namespace aio::detail {

namespace {

/// A large result should not hold its memory until the worker ends.
constexpr std::size_t keep_capacity = std::size_t{1} << 20;

class Worker {
public:
    explicit Worker(WorkerSetup& setup)
        : setup_(setup), parser_(setup.max_payload), buffers_(setup.number, std::move(setup.buffers)) {}

    /// Serves until the end; returns the exit code.
    int run();

private:
    bool send(const ByteWriter& out) const noexcept { return write_all(setup_.results.get(), out.bytes()); }
    bool greet();
    bool answer(const FrameView& task);
    std::uint16_t run_task(const FrameView& task, std::size_t start);
    void report_error(std::size_t start);

    WorkerSetup& setup_;
    FrameParser parser_;
    PoolBuffers buffers_;
    ByteWriter out_;
};

bool Worker::greet() {
    ByteWriter out;
    const std::size_t start = begin_frame(out);
    encode(out, WorkerHello{getpid()});
    finish_frame(out, start, FrameType::hello, 0);
    append_frame(out, FrameType::ready, 0, {});
    return send(out);
}

/// Gives the flags of the result's frame.
std::uint16_t Worker::run_task(const FrameView& task, std::size_t start) {
    out_.set_buffer_link(&buffers_);
    {
        const ReceivedPayload payload(task, buffers_);
        execute_call(payload.bytes(), out_);
    }
    out_.set_buffer_link(nullptr);
    const std::size_t size = frame_payload_size(out_, start);
    if (size > setup_.max_payload) {
        throw RuntimeError("the result takes " + std::to_string(size) + " bytes, and the limit is " +
                           std::to_string(setup_.max_payload));
    }
    const std::uint16_t flags = share_large_payload(out_, buffers_);
    buffers_.hand_over();
    return flags;
}

/// Writes the exception being handled in place of what the task has left in the buffer.
void Worker::report_error(std::size_t start) {
    out_.set_buffer_link(nullptr);
    buffers_.discard();
    out_.truncate(start);
    static_cast<void>(begin_frame(out_));
    encode_current_exception(out_);
    if (frame_payload_size(out_, start) <= setup_.max_payload) {
        return;
    }
    const std::string type = current_exception_type_name().substr(0, smallest_max_payload / 4);
    out_.truncate(start);
    static_cast<void>(begin_frame(out_));
    try {
        throw RuntimeError("the task threw " + type + ", whose description exceeds the limit of " +
                           std::to_string(setup_.max_payload) + " bytes");
    } catch (const RuntimeError&) {
        encode_current_exception(out_);
    }
}

bool Worker::answer(const FrameView& task) {
    out_.clear();
    const std::size_t start = begin_frame(out_);
    FrameType type = FrameType::result;
    std::uint16_t flags = 0;
    try {
        flags = run_task(task, start);
    } catch (...) {
        report_error(start);
        type = FrameType::error;
    }
    if (buffers_.report()) flags |= FrameHeader::has_buffer_notes;
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
            if (frame->type() == FrameType::goodbye) {
                return 0;
            }
            if (frame->type() != FrameType::task) {
                return worker_exit_protocol_error;
            }
            if (!answer(*frame)) {
                return worker_exit_broken_pipe;
            }
        }
    }
}

/// The order matters: bound to its parent before anything can go wrong, out of the terminal's process group
/// before signals are let in again.
void become_worker(const WorkerSetup& setup) noexcept {
    if (!die_with_parent(setup.parent)) {
        _exit(worker_exit_broken_pipe);
    }
    setpgid(0, 0);
    reset_signal_handlers();
    std::signal(SIGPIPE, SIG_IGN);
    unblock_all_signals();
    detach_stdin();
    const std::array<int, 3> keep{setup.tasks.get(), setup.results.get(), setup.buffers.get()};
    close_occupied(setup.last_inherited);
    close_all_above(setup.last_inherited, keep);
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
    } catch (const std::system_error&) {
        code = worker_exit_broken_pipe;
    }
    std::cout.flush();
    std::fflush(nullptr);
    _exit(code);
}

} // namespace aio::detail
