#pragma once

/// `Task<T>`: a coroutine that runs on its own, scheduled by the loop (`asyncio.Task`).
///
/// Made by `create_task`. It is a future: await it for its result. The loop keeps a running task alive, so
/// dropping the handle never stops it.
///
/// Cancellation is a request: `cancel` makes the await at which the task is suspended throw `CancelledError`;
/// the task may clean up, and may even refuse by catching it. Requests are counted, so that nested timeouts
/// and groups can tell their own from those of others: whoever catches a `CancelledError` that it caused
/// itself calls `uncancel`.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/future.hpp>
#include <aio/core/task_state.hpp>

namespace aio {

namespace detail {

/// The operations of tasks, for typed and untyped handles.
template <class Derived>
class TaskOperations {
public:
    /// The name given to it, or "Task-N".
    [[nodiscard]] std::string get_name() const { return task().name(); }
    void set_name(std::string name) const { task().set_name(std::move(name)); }
    /// The number of cancellation requests that nobody has taken back.
    [[nodiscard]] unsigned cancelling() const { return task().cancelling(); }
    /// Takes one request back and gives the number that is left. At zero a cancellation that has not been
    /// delivered is dropped.
    unsigned uncancel() const { return task().uncancel(); }
    /// The context the task runs in, itself and not a copy.
    [[nodiscard]] Context get_context() const { return task().context(); }

    /// For the library: the task's state.
    [[nodiscard]] TaskState& task() const { return *static_cast<const Derived&>(*this).state().as_task(); }
};

} // namespace detail

/// A task whatever its result type, as `current_task` and `all_tasks` give it.
class AnyTask : public AnyFuture, public detail::TaskOperations<AnyTask> {
public:
    AnyTask() = default;
    explicit AnyTask(detail::Ref<detail::FutureState> state) noexcept : AnyFuture(std::move(state)) {}
};

/// A running coroutine and its future result.
template <class T = void>
class Task : public detail::FutureInterface<Task<T>, T>, public detail::TaskOperations<Task<T>> {
public:
    Task() = default;
    explicit Task(detail::Ref<detail::FutureState> state) noexcept
        : detail::FutureInterface<Task<T>, T>(std::move(state)) {}

    /// A task is a future, and can stand where one is wanted.
    operator Future<T>() const { return Future<T>(detail::Ref<detail::FutureState>(&this->state())); }
    operator AnyTask() const { return AnyTask(detail::Ref<detail::FutureState>(&this->state())); }
};

/// How a task is to be made. Setters can be chained: `TaskOptions().name("reader").eager_start(true)`.
class TaskOptions {
public:
    TaskOptions() = default;
    /// Just a name.
    TaskOptions(std::string name) : name_(std::move(name)) {}
    TaskOptions(const char* name) : name_(name) {}

    /// The name of the task; "Task-N" if empty.
    TaskOptions& name(std::string name) {
        name_ = std::move(name);
        return *this;
    }
    /// The context to run in, itself and not a copy; a copy of the creator's if not given.
    TaskOptions& context(Context context) {
        context_ = std::move(context);
        return *this;
    }
    /// Runs the task at once up to its first suspension, inside the creating call. While the loop does not
    /// run it starts as others do.
    TaskOptions& eager_start(bool yes = true) {
        eager_ = yes;
        return *this;
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] Context context() const { return context_ ? *context_ : copy_context(); }
    [[nodiscard]] bool eager_start() const noexcept { return eager_.value_or(false); }
    /// Whether the creator has said anything about it.
    [[nodiscard]] bool eager_start_given() const noexcept { return eager_.has_value(); }

private:
    std::string name_;
    std::optional<Context> context_;
    std::optional<bool> eager_;
};

} // namespace aio
