#include <aio/structure/gather.hpp>

namespace aio::detail {

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
    bool any = false;
    for (const auto& child : children_) any = child->cancel(message) || any;
    if (any && !cancel_requested_) {
        cancel_requested_ = true;
        cancel_message_ = message;
    }
    return any;
}

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
