#include <aio/structure/task_group.hpp>

#include <aio/structure/queued_callback.hpp>

namespace aio {
namespace {

bool is_generator_exit(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const GeneratorExit&) {
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace

/// Done when the group's tasks are.
class TaskGroup::Completion final : public detail::FutureStateOf<void> {
public:
    using FutureStateOf::FutureStateOf;
    [[nodiscard]] const char* kind() const noexcept override { return "the tasks of a TaskGroup"; }
};

/// Tells the group that one of its tasks has ended.
class TaskGroup::Child final : public detail::QueuedCallback, public TaskGroup::Member {
public:
    explicit Child(TaskGroup& group) : group_(&group) {}
    [[nodiscard]] detail::FutureState& future() const noexcept { return watched(); }

private:
    void call(detail::Ref<detail::FutureState> future) override {
        if (!Member::linked()) return;
        Member::unlink();
        group_->child_done(*future);
    }
    void list_waiters(std::vector<detail::FutureState*>& waiters) const override {
        if (Member::linked()) waiters.push_back(group_->parent_.get());
    }
    TaskGroup* group_;
};

TaskGroup::~TaskGroup() {
    // Only when the loop was closed, or `exit` never awaited: the children, should they end, find nobody to
    // tell.
    while (children_.pop_front() != nullptr) {
    }
}

void TaskGroup::enter() {
    if (loop_ != nullptr) throw RuntimeError("this TaskGroup has been entered already");
    EventLoop& loop = get_running_loop();
    const AnyTask parent = loop.current_task();
    if (!parent)
        throw RuntimeError(
            "a TaskGroup needs a task to belong to: it cannot be entered from a plain callback");
    loop_ = &loop;
    parent_ = detail::Ref<detail::FutureState>(&parent.state());
    shield_ = parent.task().shield();
    scope_ = parent.task().scope();
    if (cancel_on_enter_) cancel();
}

void TaskGroup::check_open() const {
    if (loop_ == nullptr) throw RuntimeError("this TaskGroup has not been entered");
    if (exiting_ && children_.empty()) throw RuntimeError("this TaskGroup is finished");
    if (aborting_) throw RuntimeError("this TaskGroup is shutting down");
}

void TaskGroup::join(detail::TaskState& task) {
    auto* child = new Child(*this);
    children_.push_back(*child);
    child->watch(task.future());
    // The scopes around the group are around its tasks as well. An eager task may have got to its first wait
    // before it was inside of them.
    if (scope_ != nullptr && !task.future().done()) {
        task.set_scope(scope_);
        if (const detail::ScopeState* const cancelled = scope_->cancelled_around())
            task.interrupt(*cancelled);
    }
    // An eager task may have cancelled the group before it belonged to it.
    if (aborting_) task.future().cancel({});
}

void TaskGroup::child_done(detail::FutureState& child) {
    if (children_.empty() && on_completed_ && !on_completed_.done()) on_completed_.set_result();
    if (child.cancelled()) return;
    const std::exception_ptr error = child.exception();
    if (!error) return;
    const bool base = detail::kind_of(error) == detail::ExceptionKind::base;
    errors_.push_back(error);
    if (base && !base_error_) base_error_ = error;
    if (parent_->done()) {
        ErrorContext context;
        context.message = "A task of a group has failed after the group's own task had ended";
        context.exception = error;
        child.as_task()->report(context);
        return;
    }
    if (aborting_ || parent_cancel_requested_) return;
    abort();
    cancel_parent();
}

void TaskGroup::cancel_parent() {
    parent_cancel_requested_ = true;
    request_ = parent_->as_task()->request_cancel_of_scope(ledger());
}

detail::CancelLedger& TaskGroup::ledger() const noexcept { return parent_->as_task()->ledger_of(shield_); }

void TaskGroup::abort() {
    aborting_ = true;
    children_.for_each([](Member& member) {
        detail::FutureState& future = static_cast<Child&>(member).future();
        if (!future.done()) future.cancel({});
    });
}

void TaskGroup::cancel() {
    if (loop_ == nullptr) {
        cancel_on_enter_ = true;
        return;
    }
    if (exited_ || (exiting_ && children_.empty())) return;
    if (!aborting_) abort();
    if (parent_cancel_requested_ || parent_->done()) return;
    cancel_parent();
}

Coro<> TaskGroup::exit(std::exception_ptr error) {
    using detail::ExceptionKind;
    if (loop_ == nullptr || exiting_)
        throw RuntimeError("this TaskGroup is not open: it was never entered, or left before");
    exiting_ = true;
    detail::TaskState& parent = *parent_->as_task();
    const ExceptionKind kind = detail::kind_of(error);
    if (kind == ExceptionKind::base && !base_error_) base_error_ = error;
    std::exception_ptr propagate;
    if (kind == ExceptionKind::cancelled) propagate = error;
    if (error && !aborting_) abort();

    std::exception_ptr swallowed;
    detail::TaskState::InterruptHold hold;
    while (!children_.empty()) {
        // The children have been told; from now on the group only waits.
        if (aborting_) hold.begin(parent);
        on_completed_ = Future<>(detail::Ref<detail::FutureState>(new Completion(loop_->state())));
        std::exception_ptr cancelled;
        try {
            co_await on_completed_;
        } catch (const CancelledError&) {
            cancelled = std::current_exception();
        }
        on_completed_ = Future<>();
        if (!cancelled) continue;
        swallowed = cancelled;
        if (!aborting_) {
            propagate = cancelled;
            abort();
        }
    }
    exited_ = true;

    if (base_error_) {
        for (const std::exception_ptr& other : errors_) {
            if (other == base_error_) continue;
            ErrorContext context;
            context.message = "A task of a group has failed beside an error that ends the run";
            context.exception = other;
            loop_->call_exception_handler(context);
        }
        std::rethrow_exception(base_error_);
    }
    if (parent_cancel_requested_) {
        if (parent.uncancel_of_scope(ledger(), request_) == 0)
            propagate = nullptr;
        else if (!propagate)
            propagate = swallowed;
    }
    if (propagate && errors_.empty()) std::rethrow_exception(propagate);
    if (kind == ExceptionKind::ordinary) errors_.push_back(error);
    if (errors_.empty()) co_return;
    // A cancellation from outside that came as well stays due: the next suspension raises it.
    parent.raise_again(ledger(), {});
    // A generator that is being closed must end by the very signal.
    if (errors_.size() == 1 && errors_.front() == error && is_generator_exit(error))
        std::rethrow_exception(error);
    throw ExceptionGroup("unhandled errors in a TaskGroup", std::exchange(errors_, {}));
}

} // namespace aio
