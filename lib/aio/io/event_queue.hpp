#pragma once

/// Not for users: events that come on their own, kept until somebody asks for them. Under `SignalStream`,
/// `FileWatcher` and `DatagramEndpoint`.

#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <variant>

#include <aio/core/errors.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {

template <class T>
class EventQueue;

/// What comes instead of an event when something is wrong: an error that whoever asks next is to get.
class EventError {
public:
    /// Of a negative libuv status. `what` names the operation and where it was done: this may come when
    /// whoever knows that has gone.
    EventError(int status, const std::string& what)
        : error_(std::make_exception_ptr(std::system_error(uv::error_code(status), what))) {}
    [[noreturn]] void raise() const { std::rethrow_exception(error_); }
    friend bool operator==(const EventError&, const EventError&) = default;

private:
    std::exception_ptr error_;
};

/// Waits for an event. It is the waiter's once it has been given, so no cancellation loses it.
template <class T>
class NextEvent : public Suspension, public ListNode {
public:
    NextEvent(EventQueue<T>& queue, const char* what) noexcept : queue_(&queue), what_(what) {}
    [[nodiscard]] bool await_ready() {
        queue_->check_here(what_);
        return queue_->take(*this);
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        queue_->add_waiter(*this);
    }
    [[nodiscard]] std::string description() const override { return what_; }

    // For the queue: what this gives, and the end of its wait.
    void give(std::variant<T, EventError> event) noexcept { event_.emplace(std::move(event)); }
    void end() noexcept { wake(); }

protected:
    ~NextEvent() = default;
    /// For `await_resume`: the event, or nothing when there will be none. Throws what went wrong.
    std::optional<T> take_event() {
        throw_if_cancelled();
        if (!event_) return std::nullopt;
        if (const auto* const error = std::get_if<EventError>(&*event_)) error->raise();
        return std::optional<T>(std::move(std::get<T>(*event_)));
    }

private:
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }

    EventQueue<T>* queue_;
    const char* what_;
    std::optional<std::variant<T, EventError>> event_;
};

/// The queue. Its owner must `close` it before it goes.
template <class T>
class EventQueue {
public:
    explicit EventQueue(LoopState& loop) noexcept : loop_(&loop) {}
    EventQueue(const EventQueue&) = delete;
    EventQueue& operator=(const EventQueue&) = delete;
    ~EventQueue() { close(); }

    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] std::size_t size() const noexcept { return events_.size(); }
    [[nodiscard]] bool has_waiters() const noexcept { return !waiters_.empty(); }
    /// The events that nobody has asked for yet.
    [[nodiscard]] const std::deque<std::variant<T, EventError>>& events() const noexcept { return events_; }

    /// Throws `RuntimeError` in another loop than the queue's.
    void check_here(const char* what) const {
        if (running_loop_state() != loop_.get())
            throw RuntimeError(std::string(what) + ": this belongs to another loop");
    }

    /// An event has come, or an error that whoever asks next is to get. Throws `std::bad_alloc`.
    void push(std::variant<T, EventError> event) {
        if (closed_) return;
        if (NextEvent<T>* const waiter = waiters_.front()) {
            waiter->give(std::move(event));
            waiters_.pop_front();
            waiter->end();
            return;
        }
        events_.push_back(std::move(event));
    }

    /// The next event, if there is one, and no error comes before it.
    [[nodiscard]] std::optional<T> take_at_once() {
        if (events_.empty() || !std::holds_alternative<T>(events_.front())) return std::nullopt;
        std::optional<T> event(std::move(std::get<T>(events_.front())));
        events_.pop_front();
        return event;
    }

    /// No more events come; those that are there can still be taken.
    void close() noexcept {
        closed_ = true;
        while (NextEvent<T>* const waiter = waiters_.pop_front()) waiter->end();
    }

    // For the waiters.
    [[nodiscard]] bool take(NextEvent<T>& waiter) {
        if (events_.empty()) return closed_;
        waiter.give(std::move(events_.front()));
        events_.pop_front();
        return true;
    }
    void add_waiter(NextEvent<T>& waiter) noexcept { waiters_.push_back(waiter); }

private:
    Ref<LoopState> loop_;
    std::deque<std::variant<T, EventError>> events_;
    IntrusiveList<NextEvent<T>> waiters_;
    bool closed_ = false;
};

/// `next` of a stream of events: the event, or nothing at the end.
template <class T>
class NextEventAwaiter final : public NextEvent<T> {
public:
    using NextEvent<T>::NextEvent;
    std::optional<T> await_resume() { return this->take_event(); }
};

/// What `next` returns, until it is awaited.
template <class T>
class NextEventOperation {
public:
    NextEventOperation(EventQueue<T>& queue, const char* what) noexcept : queue_(&queue), what_(what) {}
    NextEventAwaiter<T> operator co_await() const noexcept { return NextEventAwaiter<T>(*queue_, what_); }

private:
    EventQueue<T>* queue_;
    const char* what_;
};

} // namespace aio::detail
