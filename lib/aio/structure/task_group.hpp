#pragma once

/// Task groups: tasks that are started together, end together, and fail together (`asyncio.TaskGroup`).
///
///     co_await aio::with_task_group([&](aio::TaskGroup& group) -> aio::Coro<> {
///         group.create_task(fetch("a"));
///         group.create_task(fetch("b"));
///         co_return;
///     });
///     // both have ended here
///
/// The await returns when the body and all tasks have ended. If one of them fails, the others are cancelled,
/// and after all have ended their errors are thrown together as an `ExceptionGroup` (a lone `GeneratorExit`
/// of the body is thrown as it is). If the surrounding task is cancelled, so are the group's tasks; they are
/// joined, and the cancellation goes on. No task of a group outlives it, so tasks may refer to what the
/// surrounding function owns.

#include <concepts>
#include <cstddef>
#include <exception>
#include <source_location>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/future.hpp>
#include <aio/core/task.hpp>
#include <aio/structure/exception_group.hpp>
#include <aio/structure/scope_body.hpp>

namespace aio {

/// A group that is open. Made by `with_task_group`; it may be handed to the group's own tasks, which can
/// start further ones.
class TaskGroup {
public:
    TaskGroup() = default;
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup();

    /// Starts a task in the group. Throws `RuntimeError` if the group has not been entered, has finished or
    /// is shutting down; the coroutine is then destroyed without having run.
    template <class T>
    Task<T> create_task(Coro<T> coro, const TaskOptions& options = TaskOptions(),
                        const std::source_location& created = std::source_location::current()) {
        check_open();
        Task<T> task = loop_->create_task(std::move(coro), options, created);
        join(task.task());
        return task;
    }
    /// Starts `function(arguments...)`, which gives a coroutine, as a task that owns both: the form for
    /// lambdas that capture.
    template <class F, class... Args>
        requires detail::CoroutineCall<F, Args...>
    auto create_task(F&& function, Args&&... arguments) {
        return create_task(detail::call_in_coro<std::decay_t<F>, std::decay_t<Args>...>(
                               std::forward<F>(function), std::forward<Args>(arguments)...),
                           TaskOptions(), std::source_location());
    }

    /// Ends the group early: cancels its tasks and its body, and lets the group end without an error of its
    /// own. Errors that tasks throw meanwhile are still thrown. No task can be started afterwards. Does
    /// nothing when the group has ended.
    void cancel();

    // The two halves of `with_task_group`, for other ways to write a scope. `exit` must be awaited exactly
    // once after `enter`, with the exception that ended the body or null.

    /// Opens the group for the current task. Throws `RuntimeError` outside of a task, or if it was entered
    /// before.
    void enter();
    /// Waits for the tasks, and throws what the rules of groups say; `RuntimeError` unless the group is open.
    Coro<> exit(std::exception_ptr error);

private:
    class Child;
    class Completion;
    /// The group's own list of its children, beside the list of callbacks that each child's future has.
    struct Member : detail::ListNode {};

    void check_open() const;
    void join(detail::TaskState& task);
    void child_done(detail::FutureState& child);
    void abort();
    void cancel_parent();
    [[nodiscard]] detail::CancelLedger& ledger() const noexcept;

    EventLoop* loop_ = nullptr;
    detail::Ref<detail::FutureState> parent_;
    /// Inside of which the group was opened.
    detail::Ref<detail::ShieldLedger> shield_;
    detail::ScopeState* scope_ = nullptr;
    detail::IntrusiveList<Member> children_;
    std::vector<std::exception_ptr> errors_;
    std::exception_ptr base_error_;
    Future<> on_completed_;
    detail::TaskState::ScopeRequest request_ = 0;
    bool cancel_on_enter_ = false;
    bool exiting_ = false;
    bool exited_ = false;
    bool aborting_ = false;
    bool parent_cancel_requested_ = false;
};

namespace detail {

template <class Body>
Coro<ScopeResult<Body, TaskGroup>> task_group_in_coro(Body body) {
    using T = ScopeResult<Body, TaskGroup>;
    TaskGroup group;
    group.enter();
    BodyResult<T> result;
    co_await run_body<T>(body, group, result);
    co_await group.exit(result.error);
    if constexpr (!std::is_void_v<T>) {
        if (!result.value) throw RuntimeError("the task group was cancelled before its body gave a result");
        co_return unwrap_stored<T>(std::move(*result.value));
    }
}

} // namespace detail

/// Opens a group, runs `body(group)` in the current task, and waits for the group's tasks. Gives the body's
/// result. The body's closure lives until the group has ended. Throws as described above; `RuntimeError` if
/// `TaskGroup::cancel` kept a body that gives a value from doing so.
template <class Body>
    requires detail::ScopeBody<Body, TaskGroup>
[[nodiscard]] auto with_task_group(Body&& body) {
    return detail::task_group_in_coro<std::decay_t<Body>>(std::forward<Body>(body));
}

} // namespace aio
