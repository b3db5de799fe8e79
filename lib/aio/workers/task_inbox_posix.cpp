#include <aio/workers/task_inbox_posix.hpp>

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <limits>
#include <span>
#include <utility>

#include <aio/workers/codec.hpp>
#include <aio/workers/worker_main_posix.hpp>

namespace aio::detail {
namespace {

bool is_readable(int descriptor) noexcept {
    pollfd polled{descriptor, POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
}

/// So that the sum of what is spent and what comes back stays within it.
std::int64_t limited(std::uint64_t credit) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max() / 2;
    return static_cast<std::int64_t>(std::min(credit, most));
}

void wait_for_either(int first, int second) noexcept {
    // A negative descriptor is none.
    std::array<pollfd, 2> polled{{{first, POLLIN, 0}, {second, POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) < 0 && errno == EINTR) {
    }
}

} // namespace

TaskInbox::TaskInbox(int task_pipe, FrameParser& parser, std::uint64_t task_id, const WorkerOrders& orders)
    : pipe_(task_pipe),
      origin_(parser),
      id_(task_id),
      items_(limited(orders.stream_items)),
      bytes_(limited(orders.stream_bytes)) {}

TaskInbox::~TaskInbox() {
    if (!opened_) return;
    try {
        later_.append(parser_.take_rest());
        origin_.feed(later_.bytes());
    } catch (const std::exception&) {
        // It has not got the memory, so what comes next will be found to be no frame.
    }
}

void TaskInbox::open() {
    if (std::exchange(opened_, true)) return;
    take_frames(origin_.take_rest());
}

bool TaskInbox::stop_requested() {
    const std::lock_guard lock(mutex_);
    open();
    // Whoever waits at the pipe would not hear of what is read here.
    if (!waiting_at_pipe_) read_available();
    return stop_;
}

bool TaskInbox::wait_for_credit() {
    std::unique_lock lock(mutex_);
    open();
    if (!waiting_at_pipe_) read_available();
    wait_until(lock, -1, [&] { return stop_ || (items_ > 0 && bytes_ > 0); });
    return !stop_;
}

void TaskInbox::spend(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    --items_;
    bytes_ -= static_cast<std::int64_t>(bytes);
}

bool TaskInbox::watch_for_stop(int end) {
    std::unique_lock lock(mutex_);
    open();
    wait_until(lock, end, [&] { return stop_ || watch_ended_; });
    return stop_ && !watch_ended_;
}

void TaskInbox::end_watch() {
    const std::lock_guard lock(mutex_);
    watch_ended_ = true;
    changed_.notify_all();
}

template <class Condition>
void TaskInbox::wait_until(std::unique_lock<std::mutex>& lock, int other, Condition condition) {
    while (!condition()) {
        if (waiting_at_pipe_) {
            changed_.wait(lock);
            continue;
        }
        waiting_at_pipe_ = true;
        lock.unlock();
        wait_for_either(pipe_, other);
        lock.lock();
        waiting_at_pipe_ = false;
        read_available();
        changed_.notify_all();
    }
}

void TaskInbox::read_available() {
    std::array<std::byte, smallest_max_payload> buffer;
    while (!stop_ && is_readable(pipe_)) {
        const ssize_t received = ::read(pipe_, buffer.data(), buffer.size());
        if (received < 0 && errno == EINTR) continue;
        if (received <= 0) {
            // The pool is gone.
            stop_ = true;
            return;
        }
        take_frames(std::span(buffer).first(static_cast<std::size_t>(received)));
        if (static_cast<std::size_t>(received) < buffer.size()) return;
    }
}

void TaskInbox::take_frames(std::span<const std::byte> bytes) noexcept {
    try {
        parser_.feed(bytes);
        while (const auto frame = parser_.next()) take(*frame);
    } catch (const std::exception&) {
        // There may be other threads, and this one is in the middle of the program's code.
        ::_exit(worker_exit_protocol_error);
    }
}

void TaskInbox::take(const FrameView& frame) {
    if (frame.type() == FrameType::credit) {
        const auto credit = decode_all<StreamCredit>(frame.payload());
        if (frame.task_id() != id_) return;
        items_ += static_cast<std::int64_t>(credit.items);
        bytes_ += static_cast<std::int64_t>(credit.bytes);
    } else if (frame.type() == FrameType::stop) {
        if (frame.task_id() == id_) stop_ = true;
    } else if (frame.type() == FrameType::task) {
        append_frame(later_, frame);
    } else {
        throw ProtocolError("a pool sent something else to a call that runs");
    }
}

} // namespace aio::detail
