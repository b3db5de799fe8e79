#include <aio/workers/worker_stop_posix.hpp>

#include <unistd.h>

#include <utility>

#include <aio/workers/process_setup_posix.hpp>

namespace aio::detail {

StopWatcher::StopWatcher(TaskInbox& inbox) : inbox_(inbox), end_(uv::make_pipe()) {
    const SignalsBlocked blocked;
    thread_ = std::thread([this] { watch(); });
}

StopWatcher::~StopWatcher() {
    inbox_.end_watch();
    end_.write.close();
    thread_.join();
}

void StopWatcher::watch() {
    if (inbox_.watch_for_stop(end_.read.get())) source_.request_stop();
}

RunningTask::RunningTask(unsigned attempt, TaskReports& reports, TaskInbox& inbox, ItemSink* items) noexcept
    : process_(::getpid()), attempt_(attempt), reports_(reports), inbox_(inbox), items_(items) {
    set_task_control(this);
}

RunningTask::~RunningTask() { set_task_control(nullptr); }

bool RunningTask::in_copy() const noexcept { return ::getpid() != process_; }

bool RunningTask::stop_requested() noexcept { return !in_copy() && inbox_.stop_requested(); }

void RunningTask::report_progress(Progress progress) {
    if (!in_copy()) reports_.report(std::move(progress));
}

std::stop_token RunningTask::stop_token() {
    if (in_copy()) return {};
    const std::lock_guard lock(mutex_);
    if (!watcher_) watcher_.emplace(inbox_);
    return watcher_->token();
}

} // namespace aio::detail
