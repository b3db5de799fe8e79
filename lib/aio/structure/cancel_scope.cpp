#include <aio/structure/cancel_scope.hpp>

#include <vector>

#include <aio/structure/exception_group.hpp>

namespace aio {

CancelScope::CancelScope(const ScopeOptions& options)
    : TimerNode(&on_deadline), timeout_(options.timeout()), deadline_(options.deadline()) {
    shields = options.shield();
}

CancelScope::~CancelScope() {
    if (task_) leave();
}

void CancelScope::enter() {
    if (entered_) throw RuntimeError("this CancelScope has been entered already");
    EventLoop& loop = get_running_loop();
    const AnyTask current = loop.current_task();
    if (!current)
        throw RuntimeError(
            "a CancelScope needs a task to cancel: it cannot be entered from a plain callback");
    entered_ = true;
    loop_ = detail::Ref<detail::LoopState>(&loop.state());
    task_ = detail::Ref<detail::FutureState>(&current.state());
    outer_shield_ = task().shield();
    requests_before_ = task().ledger().requests;
    parent = task().scope();
    if (parent != nullptr) parent->children.push_back(*this);
    look_around();
    task().set_scope(this);
    if (shields) task().set_shield(detail::Ref<detail::ShieldLedger>(new detail::ShieldLedger));
    if (timeout_) deadline_ = loop.time() + *timeout_;
    arm();
}

void CancelScope::arm() {
    disarm();
    if (!deadline_ || ScopeState::cancelled) return;
    if (*deadline_ <= loop_->clock->now())
        cancel("deadline");
    else
        loop_->timers.push(*this, *deadline_);
}

void CancelScope::disarm() noexcept {
    if (armed()) loop_->timers.remove(*this);
}

void CancelScope::on_deadline(TimerNode& node) noexcept {
    static_cast<CancelScope&>(node).cancel("deadline");
}

void CancelScope::set_deadline(std::optional<TimePoint> when) {
    if (entered_ && !task_) throw RuntimeError("this CancelScope has been left: it has no deadline any more");
    deadline_ = when;
    timeout_.reset();
    if (task_) arm();
}

void CancelScope::cancel(const std::string& reason) {
    if (ScopeState::cancelled || (entered_ && !task_)) return;
    ScopeState::cancelled = true;
    ScopeState::reason = reason;
    disarm();
    look_around_from(*this);
}

/// Tells a scope, and those inside it, what is cancelled around them now, and the tasks that are in them. The
/// walk is a loop, because scopes may lie in each other as deep as memory allows. It does not enter shields,
/// and what was cancelled inside has been told.
void CancelScope::look_around_from(ScopeState& outermost) {
    std::vector<ScopeState*> open{&outermost};
    while (!open.empty()) {
        ScopeState& scope = *open.back();
        open.pop_back();
        scope.look_around();
        if (const ScopeState* const cancelled = scope.cancelled_around())
            scope.members.for_each(
                [cancelled](detail::ScopeMember& member) { member.task->interrupt(*cancelled); });
        scope.children.for_each([&](ScopeState& child) {
            if (!child.shields && !child.cancelled) open.push_back(&child);
        });
    }
}

void CancelScope::leave() noexcept {
    disarm();
    ListNode::unlink();
    // Whoever is left in here, because the loop closes or this was left out of order, belongs to the scope
    // around it.
    while (detail::ScopeMember* const member = members.front()) member->task->set_scope(parent);
    while (ScopeState* const child = children.pop_front()) {
        child->parent = parent;
        if (parent != nullptr) parent->children.push_back(*child);
        look_around_from(*child);
    }
    if (shields) task().set_shield(std::move(outer_shield_));
    task_ = detail::Ref<detail::FutureState>();
}

void CancelScope::exit(const std::exception_ptr& error) {
    if (!task_) throw RuntimeError("this CancelScope is not open: it was never entered, or left before");
    const AnyTask current = get_running_loop().current_task();
    if (!current || &current.task() != &task())
        throw RuntimeError("a CancelScope must be left by the task that has entered it");
    if (task().scope() != this)
        throw RuntimeError("a CancelScope was left before one that was entered inside it");
    detail::TaskState& left = task();
    leave();
    if (!error) return;
    // A request to the task that came while it was open, and that nobody has taken back, goes on.
    const bool requested = left.ledger().requests > requests_before_;
    const bool outer_cancelled = !shields && parent != nullptr && parent->cancelled_around() != nullptr;
    if (ScopeState::cancelled && (shields || !requested) && !outer_cancelled &&
        detail::kind_of(error) == detail::ExceptionKind::cancelled) {
        caught_ = true;
        return;
    }
    std::rethrow_exception(error);
}

} // namespace aio
