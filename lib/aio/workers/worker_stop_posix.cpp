#include <aio/workers/worker_stop_posix.hpp>

#include <poll.h>

#include <array>
#include <cerrno>

#include <aio/workers/process_setup_posix.hpp>

namespace aio::detail {
namespace {

bool is_readable(int descriptor) noexcept {
    pollfd polled{descriptor, POLLIN, 0};
    return ::poll(&polled, 1, 0) > 0;
}

} // namespace

StopWatcher::StopWatcher(int descriptor) : end_(make_pipe()) {
    const SignalsBlocked blocked;
    thread_ = std::thread([this, descriptor] { watch(descriptor); });
}

StopWatcher::~StopWatcher() {
    end_.write_end.reset();
    thread_.join();
}

void StopWatcher::watch(int descriptor) const {
    std::array<pollfd, 2> polled{{{descriptor, POLLIN, 0}, {end_.read_end.get(), POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) < 0 && errno == EINTR) {
    }
    if (polled[0].revents != 0) source_.request_stop();
}

RunningTask::RunningTask(int task_pipe, bool stop_came, unsigned attempt) noexcept
    : task_pipe_(task_pipe), stop_came_(stop_came), attempt_(attempt) {
    set_task_control(this);
}

RunningTask::~RunningTask() { set_task_control(nullptr); }

bool RunningTask::stop_requested() noexcept { return stop_came_ || is_readable(task_pipe_); }

std::stop_token RunningTask::stop_token() {
    if (stop_came_) {
        std::stop_source source;
        source.request_stop();
        return source.get_token();
    }
    const std::lock_guard lock(mutex_);
    if (!watcher_) watcher_.emplace(task_pipe_);
    return watcher_->token();
}

} // namespace aio::detail
