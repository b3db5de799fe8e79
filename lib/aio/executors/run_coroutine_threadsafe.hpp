#pragma once

/// `run_coroutine_threadsafe`: starts a coroutine on a loop that runs in another thread
/// (`asyncio.run_coroutine_threadsafe`).
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

/// Cancels a task of a loop from another thread, when the concurrent future that stands for it has been
/// cancelled.
class RemoteCancel final : public ConcurrentCallback,
                           public MailboxItem,
                           public std::enable_shared_from_this<RemoteCancel> {
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

/// The link from a task to the concurrent future that stands for it, which can be cancelled until the task
/// has ended. It travels to the loop with the coroutine and then lies with the task's callback: wherever it
/// is dropped because the loop has closed, the future is cancelled, so that nobody waits for ever.
template <class T>
class Relay {
public:
    Relay(ConcurrentFuture<T> concurrent, std::shared_ptr<RemoteCancel> cancel)
        : concurrent_(std::move(concurrent)), cancel_(std::move(cancel)) {}
    Relay(Relay&& other) noexcept = default;
    Relay& operator=(Relay&&) = delete;
    ~Relay() {
        if (!cancel_) return;
        cancel_->forget();
        concurrent_.cancel();
    }

    [[nodiscard]] bool cancelled() const { return concurrent_.cancelled(); }
    void set_task(const AnyTask& task) { cancel_->set_task(task); }
    void fail(std::exception_ptr error) { concurrent_.state()->fail_unless_done(std::move(error)); }

    /// The task has ended.
    void operator()(const Task<T>& done) {
        cancel_->forget();
        auto& state = static_cast<FutureStateOf<T>&>(done.state());
        if (state.cancelled()) {
            concurrent_.cancel();
        } else if (const std::exception_ptr error = state.exception()) {
            fail(error);
        } else {
            concurrent_.state()->set_value_unless_done(state.take_value());
        }
    }

private:
    ConcurrentFuture<T> concurrent_;
    std::shared_ptr<RemoteCancel> cancel_;
};

/// The coroutine on its way to the loop. Should it not get there, its future is cancelled, and that it was
/// never awaited is no mistake of anybody's.
template <class T>
class Passenger {
public:
    explicit Passenger(Coro<T> coro) noexcept : coro_(std::move(coro)) {}
    Passenger(Passenger&& other) noexcept = default;
    Passenger& operator=(Passenger&&) = delete;
    ~Passenger() { coro_.close(); }
    [[nodiscard]] Coro<T> arrive() noexcept { return std::move(coro_); }

private:
    Coro<T> coro_;
};

/// On the loop's thread: starts the task.
template <class T>
void start_relayed(EventLoop& loop, Passenger<T> passenger, Relay<T> relay) {
    if (relay.cancelled()) return;
    Task<T> task;
    try {
        task = loop.create_task(passenger.arrive(), TaskOptions(), std::source_location());
    } catch (...) {
        relay.fail(std::current_exception());
        return;
    }
    relay.set_task(task);
    task.add_done_callback(std::move(relay));
}

} // namespace detail

/// Runs `coro` as a task of `loop`, from another thread, and gives a future for its result. Cancelling that
/// future cancels the task; it is cancelled itself when the loop closes before the task has ended. Throws
/// `RuntimeError` if the loop is closed; the loop object must be alive. Do not wait for the future on the
/// loop's own thread.
template <class T>
ConcurrentFuture<T> run_coroutine_threadsafe(Coro<T> coro, EventLoop& loop) {
    ConcurrentFuture<T> concurrent;
    auto cancel = std::make_shared<detail::RemoteCancel>(loop);
    concurrent.state()->add_callback(cancel);
    loop.call_soon_threadsafe(
        [&loop](detail::Passenger<T> passenger, detail::Relay<T> relay) {
            detail::start_relayed(loop, std::move(passenger), std::move(relay));
        },
        detail::Passenger<T>(std::move(coro)), detail::Relay<T>(concurrent, cancel));
    return concurrent;
}

} // namespace aio
