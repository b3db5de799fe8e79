#pragma once

/// `Event`: a flag that tasks can wait for (`asyncio.Event`).
///
///     aio::Event ready;
///     co_await ready.wait();     // in any number of tasks
///     ready.set();               // in another one: all go on

#include <coroutine>

#include <aio/sync/loop_binding.hpp>
#include <aio/sync/operation.hpp>
#include <aio/sync/wait_queue.hpp>

namespace aio {

namespace detail {
class EventWait;
}

/// A flag, clear at first. Not movable. It belongs to the first loop in which somebody has to wait for it.
class Event {
public:
    Event() noexcept = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    /// Awaited, returns at once if the flag is set, otherwise when it is set next, even if it is cleared
    /// again before this task has its turn. Cancellation ends the wait. Throws `RuntimeError` if it has to
    /// wait and the event is bound to another loop, or is destroyed meanwhile.
    [[nodiscard]] detail::Operation<detail::EventWait, Event> wait() noexcept;

    /// Sets the flag and wakes all who wait. Throws `RuntimeError` if another loop is running than the one
    /// the event is bound to.
    void set();
    /// Clears the flag: who comes from now on waits.
    void clear() noexcept { set_ = false; }
    [[nodiscard]] bool is_set() const noexcept { return set_; }

private:
    friend detail::EventWait;
    detail::LoopBinding binding_{"Event"};
    detail::WaitQueue waiters_{binding_};
    bool set_ = false;
};

namespace detail {

class EventWait final : public Waiter {
public:
    explicit EventWait(Event& event) noexcept : Waiter("Event.wait"), event_(&event) {}
    [[nodiscard]] bool await_ready() const noexcept { return event_->set_; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(event_->waiters_, caller);
    }
    void await_resume() {
        if (waited()) settle();
    }

private:
    Event* event_;
};

} // namespace detail

inline detail::Operation<detail::EventWait, Event> Event::wait() noexcept {
    return detail::Operation<detail::EventWait, Event>(*this);
}

} // namespace aio
