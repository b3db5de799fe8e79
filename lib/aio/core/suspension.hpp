#pragma once

/// How a task waits, and how it is cancelled while it waits.
///
/// Every awaitable that can suspend a task is a `Suspension`: an object in the coroutine's frame that links
/// itself wherever it must be found (a timer queue, a future's callbacks, a lock's waiters) and registers
/// with the task as what it waits for. Two things can end the wait: its event comes, and the awaiter calls
/// `wake`; or the task is cancelled, and the awaiter's `on_cancel` unlinks it. Both only queue the task;
/// `await_resume` then returns the value or throws.
///
/// Here lies the one deliberate difference from asyncio: once `wake` has been called the value is the
/// awaiter's, and a cancellation that comes after it does not throw the value away. It stays pending and is
/// delivered at the task's next suspension, so no lock, message or connection is lost between its arrival and
/// the task's turn.

#include <coroutine>
#include <string>

#include <aio/core/frame_stack.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ready_queue.hpp>

namespace aio::detail {

class FutureState;
class Suspension;
class TaskState;

/// Marks awaiters made by aiouv, which know that their caller is a frame of a task.
struct AwaiterTag {};

/// The part of a task that awaiters deal with.
class TaskCore : public FrameStack, public ReadyItem {
public:
    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    /// What the task waits for; null while it runs or before it has started.
    [[nodiscard]] Suspension* waiting_on() const noexcept { return suspension_; }
    void set_waiting_on(Suspension* suspension) noexcept { suspension_ = suspension; }
    /// Queues the task's next step.
    void schedule() noexcept { loop_->ready.push(*this); }

protected:
    explicit TaskCore(LoopState& loop) noexcept : loop_(&loop) {}
    ~TaskCore() = default;

    LoopState* loop_;
    Suspension* suspension_ = nullptr;
};

/// Base of all awaiters that suspend.
class Suspension : public AwaiterTag {
public:
    Suspension(const Suspension&) = delete;
    Suspension& operator=(const Suspension&) = delete;

    /// Asks the awaiter to give up waiting because of a cancellation with this message. True: the task has
    /// been queued, or will be once what it waits for has ended, and the cancellation is that awaiter's to
    /// deliver. False: the wait is over already, or cannot be broken off.
    bool request_cancel(const std::string& message) noexcept { return pending_ && on_cancel(message); }

    /// The task awaited here, if that is what this is and it is not done: cancellation passes through to it.
    [[nodiscard]] virtual TaskState* awaited_task() const noexcept { return nullptr; }
    /// What is waited for, in a few words, for messages: "sleep", "Lock.acquire", "Task 'reader'".
    [[nodiscard]] virtual std::string description() const = 0;
    /// Whether the wait has ended with a cancellation that the task has not seen yet.
    [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }
    /// Whether what is waited for is still to come; otherwise the task is queued already.
    [[nodiscard]] bool waiting() const noexcept { return pending_ && !yielding_; }
    /// Whether the task is queued and only lets others run before. A request to cancel then stays with the
    /// task until its turn, so that it can still be taken back.
    [[nodiscard]] bool giving_way() const noexcept { return pending_ && yielding_; }
    /// The future of the task that is suspended here.
    [[nodiscard]] FutureState* waiting_future() const noexcept;

protected:
    Suspension() noexcept = default;
    ~Suspension() = default;

    /// To be called from `await_suspend`, when the awaiter has linked itself.
    template <class Promise>
    void suspend(std::coroutine_handle<Promise> caller) noexcept {
        task_ = static_cast<TaskCore*>(&caller.promise().stack());
        task_->set_waiting_on(this);
        pending_ = true;
    }

    /// Ends the wait: the task's next step is queued. Harmless when the wait has ended already.
    void wake() noexcept {
        if (!pending_) return;
        pending_ = false;
        if (!yielding_) task_->schedule();
    }

    /// Unlinks the awaiter and calls `wake_cancelled`, or returns false when the wait must go on to its end.
    virtual bool on_cancel(const std::string& message) noexcept = 0;

    /// For a wait that is no more than giving way: the task is queued at once, but until its turn, in
    /// `throw_if_cancelled`, a cancellation is still taken.
    void yield() noexcept {
        yielding_ = true;
        task_->schedule();
    }

    /// Takes back `suspend`, when it turns out in `await_suspend` that there is nothing to wait for.
    void withdraw() noexcept {
        pending_ = false;
        task_->set_waiting_on(nullptr);
        task_ = nullptr;
    }

    /// Ends the wait with a cancellation: `throw_if_cancelled` will throw.
    bool wake_cancelled() noexcept {
        cancelled_ = true;
        wake();
        return true;
    }

    /// To be called first in `await_resume`.
    void throw_if_cancelled() {
        if (yielding_ && pending_) end_giving_way();
        if (cancelled_) throw_cancelled();
    }

    [[nodiscard]] bool pending() const noexcept { return pending_; }
    /// Whether the task was really suspended here.
    [[nodiscard]] bool waited() const noexcept { return task_ != nullptr; }
    [[nodiscard]] TaskCore& task() const noexcept { return *task_; }
    [[nodiscard]] LoopState& loop() const noexcept { return task_->loop(); }

private:
    /// The task has its turn: takes a request that has come, and was not taken back, in the meantime.
    void end_giving_way() noexcept;
    [[noreturn]] void throw_cancelled() const;

    TaskCore* task_ = nullptr;
    bool pending_ = false;
    bool cancelled_ = false;
    bool yielding_ = false;
};

} // namespace aio::detail
