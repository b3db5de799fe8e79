#include <aio/core/task_state.hpp>

#include <atomic>
#include <exception>

#include <aio/core/error_context.hpp>

namespace aio::detail {
namespace {

/// Default names count over the whole process, as asyncio's do.
std::uint64_t next_task_number() noexcept {
    static constinit std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// What is given, or else the function that makes the task.
std::source_location place_of_creation(const LoopState& loop, const std::source_location& given) noexcept {
    if (given.line() != 0 || loop.current_task == nullptr) return given;
    const PromiseBase* const creator = loop.current_task->top();
    return creator != nullptr ? creator->where() : given;
}

} // namespace

TaskState::TaskState(LoopState& loop, std::string name, Context context, const std::source_location& created)
    : TaskCore(loop),
      context_(std::move(context)),
      name_(std::move(name)),
      created_(place_of_creation(loop, created)),
      number_(next_task_number()) {
    loop.check_open();
}

std::string TaskState::name() const { return name_.empty() ? "Task-" + std::to_string(number_) : name_; }

void TaskState::identify(ErrorContext& context) const {
    context.source = name();
    context.created = created_;
}

void TaskState::report(ErrorContext& context) noexcept {
    identify(context);
    const ContextScope scope(context_);
    loop_->report(context);
}

void TaskState::start() {
    loop_->tasks.push_back(*this);
    ++loop_->task_count;
    future().retain();
    schedule();
}

void TaskState::start_eagerly() {
    loop_->tasks.push_back(*this);
    ++loop_->task_count;
    future().retain();
    run();
}

void TaskState::leave_loop() noexcept {
    unlink();
    set_scope(nullptr);
    --loop_->task_count;
}

bool TaskState::request_cancel_in(CancelLedger& addressed, const std::string& message) {
    if (future().done()) {
        future().mark_retrieved();
        return false;
    }
    // A chain of tasks that await each other may be as long as memory allows, so the walk to its end is a
    // loop. A chain that bites its own tail cannot be longer than the number of tasks.
    TaskState* task = this;
    CancelLedger* ledger = &addressed;
    for (std::size_t steps = 0; steps <= loop_->task_count; ++steps) {
        ++ledger->requests;
        // What is addressed to the code around a shield waits there until the shield is left.
        Suspension* const waiting = ledger == &task->ledger() ? task->suspension_ : nullptr;
        TaskState* const inner = waiting != nullptr ? waiting->awaited_task() : nullptr;
        if (inner != nullptr && !inner->future().done()) {
            task = inner;
            ledger = &task->base_;
            continue;
        }
        if (waiting != nullptr && !waiting->giving_way() && waiting->request_cancel(message)) {
            ledger->message = message;
            return true;
        }
        const bool being_delivered = waiting != nullptr && waiting->cancelled();
        // Of several requests the first is the one that is told.
        if (!being_delivered && ledger->undelivered == 0) ledger->message = message;
        ++ledger->undelivered;
        return true;
    }
    ++addressed.undelivered;
    return true;
}

bool TaskState::cancel_suspension(const std::string& message) noexcept {
    if (suspension_ == nullptr) return false;
    TaskState* const inner = suspension_->awaited_task();
    if (inner != nullptr) return inner->request_cancel(message);
    return suspension_->request_cancel(message);
}

unsigned TaskState::uncancel_in(CancelLedger& ledger) noexcept {
    if (ledger.requests > 0 && --ledger.requests == 0) ledger.settle();
    return ledger.requests;
}

TaskState::ScopeRequest TaskState::request_cancel_of_scope(CancelLedger& ledger) {
    const unsigned before = ledger.undelivered;
    request_cancel_in(ledger, {});
    return ledger.undelivered > before ? ledger.deliveries : delivered_already;
}

unsigned TaskState::uncancel_of_scope(CancelLedger& ledger, ScopeRequest request) noexcept {
    if (ledger.undelivered > 0 && request == ledger.deliveries && --ledger.undelivered == 0) ledger.settle();
    return uncancel_in(ledger);
}

void TaskState::raise_again(CancelLedger& ledger, const std::string& message) {
    if (ledger.requests == 0) return;
    uncancel_in(ledger);
    request_cancel_in(ledger, message);
}

void TaskState::set_scope(ScopeState* scope) noexcept {
    member_.unlink();
    scope_ = scope;
    if (scope != nullptr) scope->members.push_back(member_);
}

void TaskState::interrupt(const ScopeState& cancelled) {
    if (interrupts_held_ == 0 && cancel_suspension(cancelled.reason)) ledger().message = cancelled.reason;
}

void TaskState::throw_cancelled() {
    settle_pending_cancel();
    throw CancelledError(ledger().message);
}

void TaskState::run() noexcept {
    const Ref<FutureState> keep(&future());
    if (!started_) {
        started_ = true;
        if (base_.undelivered > 0) {
            base_.settle();
            leave_loop();
            destroy();
            deliver_cancelled(base_.message);
            future().release();
            return;
        }
    }
    suspension_ = nullptr;
    step();
    if (empty())
        finish();
    else if (ledger().undelivered > 0 && !suspension_->giving_way() && cancel_suspension(ledger().message))
        ledger().settle();
    else if (const ScopeState* const cancelled = interrupting_scope())
        interrupt(*cancelled);
}

void TaskState::step() noexcept {
    TaskState* const outer = std::exchange(loop_->current_task, this);
    const ContextScope scope(context_);
    loop_->immediate_left = LoopState::immediate_per_step;
    FrameStack::run();
    loop_->current_task = outer;
}

void TaskState::finish() noexcept {
    leave_loop();
    const std::exception_ptr error = root_promise().exception();
    std::string message;
    enum class Outcome { value, failed, cancelled } outcome = Outcome::value;
    if (error) {
        outcome = Outcome::failed;
        try {
            std::rethrow_exception(error);
        } catch (const CancelledError& e) {
            outcome = Outcome::cancelled;
            message = e.message();
        } catch (const BaseError&) {
            loop_->escaped = error;
        } catch (...) {
        }
    } else if (base_.undelivered > 0) {
        outcome = Outcome::cancelled;
        message = base_.message;
    }
    base_.settle();

    if (outcome == Outcome::value) {
        try {
            deliver_value();
        } catch (...) {
            deliver_exception(std::current_exception());
        }
        root_.destroy();
    } else {
        root_.destroy();
        if (outcome == Outcome::cancelled)
            deliver_cancelled(message);
        else
            deliver_exception(error);
    }
    root_ = nullptr;
    future().release();
}

void TaskState::abandon() noexcept {
    const Ref<FutureState> keep(&future());
    leave_loop();
    destroy();
    suspension_ = nullptr;
    ErrorContext context;
    context.message = "Task was destroyed but it is pending!";
    deliver_closed();
    report(context);
    future().release();
}

FutureState* Suspension::waiting_future() const noexcept { return &static_cast<TaskState*>(task_)->future(); }

void Suspension::end_giving_way() noexcept {
    const CancelLedger& ledger = static_cast<TaskState*>(task_)->ledger();
    if (ledger.undelivered > 0) static_cast<void>(on_cancel(ledger.message));
}

void Suspension::throw_cancelled() const { static_cast<TaskState*>(task_)->throw_cancelled(); }

} // namespace aio::detail
