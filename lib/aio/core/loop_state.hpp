#pragma once

/// The part of an event loop that tasks, futures and timers touch.
///
/// It is separate from `EventLoop` for two reasons: handles may outlive their loop and must then find it
/// closed rather than gone, and the hot paths need none of what the loop is otherwise made of.

#include <cstddef>
#include <cstdint>
#include <exception>

#include <aio/core/clock.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/core/ready_queue.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/timer_queue.hpp>

namespace aio {

class EventLoop;
struct ErrorContext;

namespace detail {

class GeneratorFrame;
class TaskState;

/// Is told, once, that every task waits and nothing is ready.
class IdleWaiter : public ListNode {
public:
    virtual void on_idle() noexcept = 0;

protected:
    IdleWaiter() = default;
    ~IdleWaiter() = default;
};

/// Somebody who passes a cancellation on to many, and has put that off.
class CancelRelay : public ListNode {
public:
    virtual void relay() = 0;

protected:
    CancelRelay() = default;
    ~CancelRelay() = default;
};

/// Shared, on one thread, by a loop and everything that belongs to it.
class LoopState final : public RefCounted {
public:
    explicit LoopState(EventLoop& owner, Clock& time_source) noexcept : loop(&owner), clock(&time_source) {}

    /// The loop, or null once it has been destroyed.
    EventLoop* loop;
    Clock* clock;
    ReadyQueue ready;
    TimerQueue timers;
    /// Tasks that are not done. The list holds a reference to each.
    IntrusiveList<TaskState> tasks;
    std::size_t task_count = 0;
    /// What must be closed before the loop is.
    IntrusiveList<LoopResource> resources;
    /// Generators that have been iterated and have not ended.
    IntrusiveList<GeneratorFrame> generators;
    /// `shutdown_asyncgens` has been called: generators that begin now will not be closed.
    bool generators_shut_down = false;
    /// The task whose step is running.
    TaskState* current_task = nullptr;
    /// How many more operations that need no waiting (a read of bytes that are there, a write that fits) the
    /// running step may do before it gives way: without a limit one busy connection would keep the loop to
    /// itself.
    unsigned immediate_left = 0;
    static constexpr unsigned immediate_per_step = 64;
    /// Takes one of them; false: suspend, although there is nothing to wait for.
    [[nodiscard]] bool take_immediate() noexcept { return immediate_left != 0 && immediate_left-- != 0; }
    /// Debug mode: each item that the loop runs is timed, and told of when it takes as long as this.
    bool debug = false;
    Duration slow_callback_duration = std::chrono::milliseconds(100);
    bool closed = false;
    /// `close` is destroying what is pending. Futures that destructors set meanwhile wake nobody, but that is
    /// no error.
    bool closing = false;
    /// A `BaseError` on its way out of the run call.
    std::exception_ptr escaped;
    /// How many of those that pass a cancellation on do so just now, inside of each other; which of them wait
    /// for their turn, because there are too many; and how often the first of them has begun.
    unsigned cancel_depth = 0;
    IntrusiveList<CancelRelay> cancel_relays;
    std::uint64_t cancel_rounds = 0;
    /// Who wants to know when nothing is left to do but to wait.
    IntrusiveList<IdleWaiter> idle_waiters;

    /// Throws `RuntimeError` if the loop is closed.
    void check_open() const;
    /// The loop, or `RuntimeError` if it has been destroyed.
    [[nodiscard]] EventLoop& require_loop() const;
    /// Hands an error that nobody awaits to the loop's exception handler, or to stderr when there is no loop
    /// any more.
    void report(const ErrorContext& context) noexcept;
    /// For exceptions that leave callbacks: a `BaseError` leaves the run call, anything else is reported.
    void report_current_exception(const char* message) noexcept;
};

/// The state of the loop that is running on this thread, or null.
[[nodiscard]] LoopState* running_loop_state() noexcept;

} // namespace detail
} // namespace aio
