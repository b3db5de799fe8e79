#pragma once

/// The state behind `Task`: a coroutine on its own frame stack, its cancellation, its name and its context.

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <string>
#include <utility>

#include <aio/core/cancel_state.hpp>
#include <aio/core/context.hpp>
#include <aio/core/coro.hpp>
#include <aio/core/future_state.hpp>
#include <aio/core/suspension.hpp>

namespace aio::detail {

/// Everything about a task that does not depend on its result type. The loop holds a reference until the task
/// is done, so dropping the last handle never stops it.
class TaskState : public TaskCore, public ListNode {
public:
    [[nodiscard]] std::string name() const;
    void set_name(std::string name) { name_ = std::move(name); }
    [[nodiscard]] Context& context() noexcept { return context_; }
    /// Where it was made, as far as it is known.
    [[nodiscard]] const std::source_location& created() const noexcept { return created_; }
    /// Says in a report which task this is.
    void identify(ErrorContext& context) const;
    /// Reports something about this task, in its context.
    void report(ErrorContext& context) noexcept;

    /// The task's own future.
    [[nodiscard]] virtual FutureState& future() noexcept = 0;

    /// `Task.cancel`: counts the request, and breaks off what the task waits for or leaves the cancellation
    /// for its next suspension; inside a shield, for the first one after that.
    bool request_cancel(const std::string& message) { return request_cancel_in(base_, message); }
    [[nodiscard]] unsigned cancelling() const noexcept { return base_.requests; }
    unsigned uncancel() noexcept { return uncancel_in(base_); }

    /// Throws the `CancelledError` that an awaiter delivers. A cancellation still pending is the same one.
    [[noreturn]] void throw_cancelled();
    /// A `CancelledError` is being delivered from elsewhere (a cancelled future): it settles what is pending.
    void settle_pending_cancel() noexcept { ledger().settle(); }

    /// The shield that the task's code is inside of, or null.
    [[nodiscard]] const Ref<ShieldLedger>& shield() const noexcept { return shield_; }
    /// Requests to the code inside of `shield`, or to the task as a whole if that is null.
    [[nodiscard]] CancelLedger& ledger_of(const Ref<ShieldLedger>& shield) noexcept {
        return shield ? static_cast<CancelLedger&>(*shield) : base_;
    }
    /// Requests to the code that runs or waits now.
    [[nodiscard]] CancelLedger& ledger() noexcept { return ledger_of(shield_); }

    /// What a timeout or a group that has cancelled its own task keeps until it ends.
    using ScopeRequest = std::uint64_t;
    /// `request_cancel` on behalf of such a scope, which was opened in the code of `ledger`.
    [[nodiscard]] ScopeRequest request_cancel_of_scope(CancelLedger& ledger);
    /// `uncancel` when that scope ends. If the cancellation has not been delivered by then, because a value
    /// came first, it is dropped: it would hit code that the scope has nothing to do with.
    unsigned uncancel_of_scope(CancelLedger& ledger, ScopeRequest request) noexcept;
    /// A request that was delivered, and caught, is to be raised once more at the next suspension. Does
    /// nothing when there is none: a `CancelScope` that is cancelled raises by itself.
    void raise_again(CancelLedger& ledger, const std::string& message);

    /// The innermost `CancelScope` around the task's code, or null.
    [[nodiscard]] ScopeState* scope() const noexcept { return scope_; }
    void set_scope(ScopeState* scope) noexcept;
    void set_shield(Ref<ShieldLedger> shield) noexcept { shield_ = std::move(shield); }
    /// A scope around the task has been cancelled: breaks off what the task waits for.
    void interrupt(const ScopeState& cancelled);
    /// While one lives, scopes that are cancelled do not interrupt the task: for a wait until others have
    /// ended that have been told already, which would otherwise be broken off again and again.
    class InterruptHold {
    public:
        InterruptHold() noexcept = default;
        InterruptHold(const InterruptHold&) = delete;
        InterruptHold& operator=(const InterruptHold&) = delete;
        ~InterruptHold() {
            if (task_ != nullptr) --task_->interrupts_held_;
        }
        /// Takes effect once, and ends with this object.
        void begin(TaskState& task) noexcept {
            if (task_ != nullptr) return;
            task_ = &task;
            ++task.interrupts_held_;
        }

    private:
        TaskState* task_ = nullptr;
    };

    /// Queues the first step.
    void start();
    /// Runs the first step now, on the caller's stack.
    void start_eagerly();

    /// Destroys the coroutine of a pending task because its loop closes.
    void abandon() noexcept;

    // ReadyItem
    void run() noexcept override;
    void drop() noexcept override {}
    [[nodiscard]] std::string label() const override { return "Task '" + name() + "'"; }

protected:
    TaskState(LoopState& loop, std::string name, Context context, const std::source_location& created);
    ~TaskState() { destroy(); }

    /// Moves the result out of the finished root frame into the future, or destroys the frame and tells the
    /// outcome.
    virtual void deliver_value() = 0;
    virtual void deliver_exception(std::exception_ptr error) = 0;
    virtual void deliver_cancelled(const std::string& message) = 0;
    virtual void deliver_closed() noexcept = 0;
    [[nodiscard]] virtual const PromiseBase& root_promise() const noexcept = 0;

    void adopt_root(std::coroutine_handle<> root, PromiseBase& promise) noexcept {
        root_ = root;
        if (created_.line() == 0) created_ = promise.where();
        push(promise, root_);
    }

    std::coroutine_handle<> root_;

private:
    static constexpr ScopeRequest delivered_already = 0;
    bool request_cancel_in(CancelLedger& ledger, const std::string& message);
    unsigned uncancel_in(CancelLedger& ledger) noexcept;
    [[nodiscard]] const ScopeState* interrupting_scope() const noexcept {
        return scope_ != nullptr && interrupts_held_ == 0 ? scope_->cancelled_around() : nullptr;
    }
    void step() noexcept;
    bool cancel_suspension(const std::string& message) noexcept;
    void finish() noexcept;
    void leave_loop() noexcept;

    Context context_;
    std::string name_;
    std::source_location created_;
    std::uint64_t number_;
    CancelLedger base_;
    Ref<ShieldLedger> shield_;
    ScopeState* scope_ = nullptr;
    ScopeMember member_{*this};
    int interrupts_held_ = 0;
    bool started_ = false;
};

/// A task with a result of type `T`.
template <class T>
class TaskStateOf final : public FutureStateOf<T>, public TaskState {
public:
    TaskStateOf(LoopState& loop, Coro<T> coro, std::string name, Context context,
                const std::source_location& created)
        : FutureStateOf<T>(loop), TaskState(loop, std::move(name), std::move(context), created) {
        if (!coro.valid()) throw RuntimeError("this Coro has been awaited already (or moved from)");
        const std::coroutine_handle<CoroPromise<T>> root = coro.release();
        adopt_root(root, root.promise());
    }
    ~TaskStateOf() override { this->report_unretrieved(); }

    [[nodiscard]] FutureState& future() noexcept override { return *this; }
    bool cancel(const std::string& message) override { return request_cancel(message); }
    [[nodiscard]] TaskState* as_task() noexcept override { return this; }
    [[nodiscard]] const char* kind() const noexcept override { return "Task"; }

private:
    using Status = FutureState::Status;

    std::coroutine_handle<CoroPromise<T>> typed_root() const noexcept {
        return std::coroutine_handle<CoroPromise<T>>::from_address(root_.address());
    }
    [[nodiscard]] const PromiseBase& root_promise() const noexcept override { return typed_root().promise(); }

    void deliver_value() override {
        if constexpr (std::is_void_v<T>)
            this->set_value();
        else
            this->set_value(wrap_stored<T>(typed_root().promise().take()));
    }
    void deliver_exception(std::exception_ptr error) override { this->set_exception(std::move(error)); }
    void deliver_cancelled(const std::string& message) override { this->complete_cancelled(message); }
    void deliver_closed() noexcept override { this->close_cancelled(); }
};

} // namespace aio::detail
