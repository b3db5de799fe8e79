#pragma once

/// Task factories: a function of the program that a loop tells of every task before it is made
/// (`loop.set_task_factory` in asyncio).
///
///     aio::Coro<> timed(aio::Coro<> body);     // awaits the body, and notes how long that took
///
///     loop.set_task_factory([](aio::NewTask& task) {
///         task.options().name("job " + std::to_string(++jobs));
///         task.wrap(timed);
///     });
///     loop.set_task_factory(aio::eager_task_factory);      // every task starts at once
///
/// In Python a factory makes the task. Here tasks have the types of their results, so the loop makes them,
/// and a factory says how: it changes the options, wraps the coroutine, or refuses by throwing.

#include <functional>
#include <optional>
#include <utility>

#include <aio/core/coro.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/stored.hpp>
#include <aio/core/task.hpp>

namespace aio {

class EventLoop;

/// A task that is about to be made. Valid during the factory's call.
class NewTask {
public:
    /// Gets the body of the task, whatever its result, and gives the coroutine that is to run in its stead.
    /// It should await the body, once.
    using Wrapper = std::function<Coro<>(Coro<> body)>;

    NewTask(EventLoop& loop, TaskOptions options) : loop_(&loop), options_(std::move(options)) {}
    NewTask(const NewTask&) = delete;
    NewTask& operator=(const NewTask&) = delete;

    [[nodiscard]] EventLoop& get_loop() const noexcept { return *loop_; }
    /// What the creator has asked for. Changes take effect.
    [[nodiscard]] TaskOptions& options() noexcept { return options_; }

    /// Wraps the coroutine. The task's result remains that of the body; a wrapper that ends without it (it
    /// did not await the body, or swallowed its exception) makes a task with a result other than `void` fail
    /// with `RuntimeError`. What the wrapper throws, the task fails with. Called twice, the second wraps the
    /// first. The task owns the wrapper.
    void wrap(Wrapper wrapper) {
        if (!wrapper) throw ValueError("NewTask::wrap: the wrapper is empty");
        if (!wrapper_) {
            wrapper_ = std::move(wrapper);
            return;
        }
        wrapper_ = [inner = std::move(wrapper_), outer = std::move(wrapper)](Coro<> body) {
            return outer(inner(std::move(body)));
        };
    }

    /// For the library.
    [[nodiscard]] Wrapper take_wrapper() noexcept { return std::exchange(wrapper_, nullptr); }

private:
    EventLoop* loop_;
    TaskOptions options_;
    Wrapper wrapper_;
};

/// The hook. An exception that it throws leaves `create_task`; the coroutine is then destroyed without having
/// run.
using TaskFactory = std::function<void(NewTask& task)>;

/// Makes every task start at once, inside `create_task`, while the loop runs; unless its creator has said
/// `eager_start(false)` (`asyncio.eager_task_factory`).
void eager_task_factory(NewTask& task);

namespace detail {

/// The body as a coroutine without a result, which is left in `result`.
template <class T>
Coro<> keep_result(Coro<T> body, std::optional<Stored<T>>& result) {
    if constexpr (std::is_void_v<T>)
        co_await std::move(body);
    else
        result.emplace(wrap_stored<T>(co_await std::move(body)));
}

template <class T>
Coro<T> run_wrapped(Coro<T> body, NewTask::Wrapper wrapper) {
    std::optional<Stored<T>> result;
    co_await wrapper(keep_result<T>(std::move(body), result));
    if constexpr (!std::is_void_v<T>) {
        if (!result)
            throw RuntimeError("the wrapper of a task factory has ended without a result of the task");
        co_return unwrap_stored<T>(std::move(*result));
    }
}

} // namespace detail
} // namespace aio
