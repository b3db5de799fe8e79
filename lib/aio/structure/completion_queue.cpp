#include <aio/structure/completion_queue.hpp>

#include <aio/core/errors.hpp>
#include <aio/core/task_state.hpp>

namespace aio::detail {

CompletionQueue::CompletionQueue(std::vector<Ref<FutureState>> futures, std::optional<Duration> limit)
    : TimerNode([](TimerNode& node) noexcept { static_cast<CompletionQueue&>(node).expire(); }),
      children_(futures.size()),
      remaining_(futures.size()),
      unfinished_(futures.size()) {
    if (futures.empty()) return;
    loop_ = Ref<LoopState>(&futures.front()->loop());
    loop_->check_open();
    for (const auto& future : futures)
        if (&future->loop() != loop_.get())
            throw ValueError("as_completed: the futures belong to different loops");
    if (limit) loop_->timers.push(*this, loop_->clock->now() + *limit);
    for (std::size_t i = 0; i < futures.size(); ++i) {
        Child& child = children_[i];
        child.queue = this;
        child.future = std::move(futures[i]);
        if (child.future->done())
            child_done(child);
        else
            child.future->add_callback(child);
    }
}

CompletionQueue::~CompletionQueue() { stop_timer(); }

void CompletionQueue::stop_timer() noexcept {
    if (armed()) loop_->timers.remove(*this);
}

void CompletionQueue::child_done(Child& child) noexcept {
    if (--unfinished_ == 0) stop_timer();
    done_.push_back(child);
    serve_waiters();
}

void CompletionQueue::expire() noexcept {
    expired_ = true;
    for (Child& child : children_) {
        // Those that are done are in the queue, or have been given.
        if (!child.future || child.future->done()) continue;
        child.unlink();
        child.future = Ref<FutureState>();
    }
    serve_waiters();
}

bool CompletionQueue::assign(CompletionWait& wait) noexcept {
    if (Child* const child = done_.pop_front()) {
        --remaining_;
        wait.give(std::move(child->future));
        return true;
    }
    if (remaining_ == 0) return true;
    if (!expired_) return false;
    --remaining_;
    wait.give_timeout();
    return true;
}

void CompletionQueue::serve_waiters() noexcept {
    while (CompletionWait* const wait = waiters_.front()) {
        if (!assign(*wait)) return;
        wait->end();
    }
}

bool CompletionWait::await_ready() { return queue_->assign(*this); }

void CompletionWait::check_loop(const TaskCore& waiting) const {
    if (&waiting.loop() != queue_->loop_.get())
        throw RuntimeError(static_cast<const TaskState&>(waiting).name() +
                           " awaits as_completed of futures that are attached to a different loop");
    waiting.loop().check_open();
}

void CompletionWait::enqueue() noexcept { queue_->waiters_.push_back(*this); }

Ref<FutureState> CompletionWait::take() {
    throw_if_cancelled();
    if (timed_out_) {
        const std::size_t unfinished = queue_->unfinished_;
        throw TimeoutError("as_completed: " + std::to_string(unfinished) + " (of " +
                           std::to_string(queue_->children_.size()) + ") unfinished when the time was up");
    }
    return std::move(future_);
}

} // namespace aio::detail
