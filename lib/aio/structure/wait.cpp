#include <aio/structure/wait.hpp>

namespace aio::detail {

void WaitCore::check_children(const TaskCore& waiting) const {
    for (const Child& child : children_) check_awaitable(waiting, child.future());
}

void WaitCore::start() {
    if (options_.timeout()) loop().timers.push(*this, loop().clock->now() + *options_.timeout());
    unfinished_ = children_.size();
    for (Child& child : children_) {
        if (child.future().done())
            child_done(child.future());
        else
            child.future().add_callback(child);
    }
}

void WaitCore::child_done(const FutureState& child) noexcept {
    --unfinished_;
    // A loop that closes runs nothing any more, and would find this gone with its frame.
    if (queued_ || loop().closed) return;
    const ReturnWhen when = options_.return_when();
    if (unfinished_ > 0 && when != ReturnWhen::first_completed &&
        !(when == ReturnWhen::first_exception && child.failed()))
        return;
    // The task cannot go on, and this be destroyed, before it has left the queue: whatever else ends the wait
    // queues the task behind it.
    queued_ = true;
    loop().ready.push(*this);
}

void WaitCore::run() noexcept {
    finish();
    wake();
}

void WaitCore::on_due(TimerNode& node) noexcept {
    auto& self = static_cast<WaitCore&>(node);
    self.finish();
    self.wake();
}

bool WaitCore::on_cancel(const std::string&) noexcept {
    finish();
    return wake_cancelled();
}

void WaitCore::finish() noexcept {
    for (Child& child : children_) child.unlink();
    stop_timer();
}

std::string WaitCore::description() const {
    const std::string count = std::to_string(children_.size());
    switch (options_.return_when()) {
    case ReturnWhen::first_completed: return "wait for the first of " + count;
    case ReturnWhen::first_exception: return "wait for the first exception of " + count;
    case ReturnWhen::all_completed: break;
    }
    return "wait for all of " + count;
}

} // namespace aio::detail
