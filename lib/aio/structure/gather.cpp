#include <aio/structure/gather.hpp>

#include <utility>

namespace aio::detail {
namespace {

/// How many gathers pass a cancellation on inside of each other.
constexpr unsigned deepest = 64;

} // namespace

/// Tells the gathering future that a child is done; holds it until then.
class GatherCore::Child final : public QueuedCallback {
public:
    explicit Child(GatherCore& core) : core_(&core), outer_(&core.outer()) {}

private:
    void call(Ref<FutureState> future) override {
        FutureState& child = *future;
        // The gathering future holds the child. Nobody else does, perhaps, and its value can then be moved.
        future = Ref<FutureState>();
        core_->child_done(child);
    }
    void list_waiters(std::vector<FutureState*>& waiters) const override { waiters.push_back(outer_.get()); }
    GatherCore* core_;
    Ref<FutureState> outer_;
};

void GatherCore::watch(std::vector<Ref<FutureState>> children) {
    for (const auto& child : children)
        if (&child->loop() != &outer().loop())
            throw ValueError("gather: the futures belong to different loops");
    outer().loop().check_open();
    outer().loop().resources.push_back(*this);
    children_ = std::move(children);
    if (children_.empty()) {
        collect();
        return;
    }
    for (const auto& child : children_) (new Child(*this))->watch(*child);
}

void GatherCore::loop_closing() noexcept {
    // A child that never ends would hold this future through its callback, as this future holds the child.
    const Ref<FutureState> keep(&outer());
    const std::vector<Ref<FutureState>> children = std::move(children_);
}

bool GatherCore::cancel_children(const std::string& message) {
    // A circle: a task gathers what waits for this gather. There is nobody further on to tell.
    if (passing_on_) return true;
    LoopState& loop = outer().loop();
    const bool outermost = loop.cancel_depth == 0;
    if (outermost) ++loop.cancel_rounds;
    bool any = false;
    if (loop.cancel_depth < deepest) {
        ++loop.cancel_depth;
        any = pass_on(message);
        if (outermost)
            while (CancelRelay* const next = loop.cancel_relays.pop_front()) next->relay();
        --loop.cancel_depth;
    } else {
        // Gathers of tasks that gather may lie in each other as deep as memory allows; the stack is smaller.
        for (const auto& child : children_) any = any || !child->done();
        // A circle that is too long to be seen above ends where it has been in this round.
        if (any && std::exchange(put_off_in_, loop.cancel_rounds) != loop.cancel_rounds)
            loop.cancel_relays.push_back(*this);
    }
    if (any && !cancel_requested_) {
        cancel_requested_ = true;
        cancel_message_ = message;
    }
    return any;
}

bool GatherCore::pass_on(const std::string& message) {
    const Ref<FutureState> keep(&outer());
    passing_on_ = true;
    bool any = false;
    for (const auto& child : children_) any = child->cancel(message) || any;
    passing_on_ = false;
    return any;
}

void GatherCore::relay() { static_cast<void>(pass_on(cancel_message_)); }

void GatherCore::child_done(FutureState& child) {
    ++finished_;
    if (outer().done()) {
        // Nobody will ask this child: its error, if it has one, was given up when the first was thrown.
        child.mark_retrieved();
        return;
    }
    if (!keep_exceptions_ && !cancel_requested_) {
        if (child.cancelled()) {
            outer().set_cancelled_error(child.cancel_message());
            return;
        }
        if (const std::exception_ptr error = child.exception()) {
            outer().set_exception(error);
            return;
        }
    }
    if (finished_ == children_.size()) all_done();
}

void GatherCore::all_done() {
    if (!cancel_requested_) {
        try {
            collect();
        } catch (...) {
            outer().set_exception(std::current_exception());
        }
        return;
    }
    // Cancelled from outside, and all children have ended. One that failed instead of ending says more than
    // the cancellation.
    for (const auto& child : children_) {
        if (child->cancelled()) continue;
        const std::exception_ptr error = child->exception();
        if (keep_exceptions_ || !error || outer().done()) continue;
        outer().set_exception(error);
    }
    if (!outer().done()) outer().set_cancelled_error(cancel_message_);
}

} // namespace aio::detail
