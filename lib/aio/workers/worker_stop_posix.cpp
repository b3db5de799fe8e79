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

StopWatcher::StopWatcher(int descriptor, TaskInbox* inbox) : inbox_(inbox), end_(make_pipe()) {
    const SignalsBlocked blocked;
    thread_ = std::thread([this, descriptor] { watch(descriptor); });
}

StopWatcher::~StopWatcher() {
    if (inbox_ != nullptr) inbox_->end_watch();
    end_.write_end.reset();
    thread_.join();
}

void StopWatcher::watch(int descriptor) const {
    if (inbox_ != nullptr) {
        if (inbox_->watch_for_stop(end_.read_end.get())) source_.request_stop();
        return;
    }
    std::array<pollfd, 2> polled{{{descriptor, POLLIN, 0}, {end_.read_end.get(), POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) < 0 && errno == EINTR) {
    }
    if (polled[0].revents != 0) source_.request_stop();
}

RunningTask::RunningTask(int task_pipe, bool stop_came, unsigned attempt, TaskReports& reports) noexcept
    : task_pipe_(task_pipe), stop_came_(stop_came), attempt_(attempt), reports_(reports) {
    set_task_control(this);
}

RunningTask::RunningTask(int task_pipe, unsigned attempt, TaskReports& reports, TaskInbox& inbox,
                         ItemSink& items) noexcept
    : task_pipe_(task_pipe),
      stop_came_(false),
      attempt_(attempt),
      reports_(reports),
      inbox_(&inbox),
      items_(&items) {
    set_task_control(this);
}

RunningTask::~RunningTask() { set_task_control(nullptr); }

bool RunningTask::stop_requested() noexcept {
    if (inbox_ != nullptr) return inbox_->stop_requested();
    return stop_came_ || is_readable(task_pipe_);
}

std::stop_token RunningTask::stop_token() {
    if (stop_came_) {
        std::stop_source source;
        source.request_stop();
        return source.get_token();
    }
    const std::lock_guard lock(mutex_);
    if (!watcher_) watcher_.emplace(task_pipe_, inbox_);
    return watcher_->token();
}

} // namespace aio::detail
