#include <aio/executors/run_coroutine_threadsafe.hpp>

namespace aio::detail {

void RemoteCancel::on_completed() noexcept {
    if (running_loop_state() == loop_) {
        // The task's own end has brought this about, or somebody cancels on the loop's thread.
        if (task_) task_.cancel();
        return;
    }
    self_ = shared_from_this();
    mailbox_->post(*this);
}

void RemoteCancel::deliver() noexcept {
    const std::shared_ptr<RemoteCancel> keep = std::move(self_);
    if (task_) task_.cancel();
}

} // namespace aio::detail
