#pragma once

/// `run_coroutine_threadsafe`: starts a coroutine on a loop that runs in another thread (`asyncio.run_coroutine_threadsafe`).
///
///     aio::ConcurrentFuture<int> answer = aio::run_coroutine_threadsafe(compute(), loop);
///     int n = answer.result(2s);      // blocks this thread, not the loop

#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/executors/concurrent_future.hpp>

namespace aio {
namespace detail {

/// Cancels a task of a loop from another thread, when the concurrent future that stands for it has been cancelled.
class RemoteCancel final : public ConcurrentCallback, public MailboxItem, public std::enable_shared_from_this<RemoteCancel> {
public:
    explicit RemoteCancel(EventLoop& loop) : loop_(&loop.state()), mailbox_(loop.mailbox()) {}

    /// On the loop's thread: the task to cancel, until `forget`.
    void set_task(const AnyTask& task) { task_ = task; }
    void forget() noexcept { task_ = AnyTask(); }
    /// From the thread that cancels.
    void on_completed() noexcept override;

private:
    void deliver() noexcept override;
    void drop() noexcept override { self_.reset(); }

    LoopState* loop_;
    std::shared_ptr<Mailbox> mailbox_;
    AnyTask task_;
    std::shared_ptr<RemoteCancel> self_;
};

/// The concurrent future of a task. It can be cancelled until the task has ended, which an executor's call cannot once it runs.
template <class T>
void start_relayed(EventLoop& loop, Coro<T> coro, const ConcurrentFuture<T>& concurrent,
                   const std::shared_ptr<RemoteCancel>& cancel) {
    if (concurrent.cancelled()) return;
    Task<T> task;
    try {
        task = loop.create_task(std::move(coro));
    } catch (...) {
        concurrent.state()->fail_unless_cancelled(std::current_exception());
        return;
    }
    cancel->set_task(task);
    task.add_done_callback([concurrent, cancel](const Task<T>& done) {
        cancel->forget();
        auto& state = static_cast<FutureStateOf<T>&>(done.state());
        if (state.cancelled()) {
            concurrent.cancel();
        } else if (const std::exception_ptr error = state.exception()) {
            concurrent.state()->fail_unless_cancelled(error);
        } else {
            concurrent.state()->set_value_unless_cancelled(state.take_value());
        }
    });
}

} // namespace detail

/// Runs `coro` as a task of `loop`, from another thread, and gives a future for its result. Cancelling that future cancels the task. Throws
/// `RuntimeError` if the loop is closed; the loop object must be alive. Do not wait for the future on the loop's own thread.
template <class T>
ConcurrentFuture<T> run_coroutine_threadsafe(Coro<T> coro, EventLoop& loop) {
    ConcurrentFuture<T> concurrent;
    auto cancel = std::make_shared<detail::RemoteCancel>(loop);
    concurrent.state()->add_callback(cancel);
    loop.call_soon_threadsafe(
        [&loop, concurrent, cancel](Coro<T> body) { detail::start_relayed(loop, std::move(body), concurrent, cancel); },
        std::move(coro));
    return concurrent;
}

} // namespace aio
