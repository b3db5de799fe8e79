#pragma once

/// The shared state behind `Future` and `Task`.

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/frame_pool.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/stored.hpp>

namespace aio::detail {

class FutureState;
class TaskState;

/// Something to be told when a future is done: an awaiter in a coroutine frame, or a callback.
class FutureCallback : public ListNode {
public:
    /// The future is done and has unlinked this. Queues what is to run; runs no user code itself.
    virtual void on_done() noexcept = 0;
    /// The future is destroyed, or its loop closed, before it was done.
    virtual void on_abandoned() noexcept = 0;
    /// For the call graph: appends who waits for the future through this, the futures of tasks or other
    /// futures that end when this one does. Called only when somebody looks, while this is linked.
    virtual void list_waiters(std::vector<FutureState*>& waiters) const { static_cast<void>(waiters); }

protected:
    FutureCallback() = default;
    ~FutureCallback() = default;
};

/// A one-shot cell without its value: pending, then finished or cancelled, once.
class FutureState : public RefCounted, public PoolAllocated {
public:
    enum class Status : std::uint8_t { pending, finished, cancelled };

    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    [[nodiscard]] bool done() const noexcept { return status_ != Status::pending; }
    [[nodiscard]] bool cancelled() const noexcept { return status_ == Status::cancelled; }
    [[nodiscard]] const std::string& cancel_message() const noexcept { return cancel_message_; }
    /// Whether awaiting it throws `CancelledError`: it was cancelled, or failed with one.
    [[nodiscard]] bool raises_cancelled() const noexcept { return cancelled() || failed_with_cancelled_; }

    /// Cancels; false if it is done already.
    virtual bool cancel(const std::string& message);
    /// The task this is the future of, or null.
    [[nodiscard]] virtual TaskState* as_task() noexcept { return nullptr; }
    /// What it is, for messages: "Future", "Task".
    [[nodiscard]] virtual const char* kind() const noexcept { return "Future"; }

    void set_exception(std::exception_ptr error);
    /// Fails with a `CancelledError` without being cancelled, as a gathering future does.
    void set_cancelled_error(const std::string& message);
    /// Whether it ended with an exception. Asking that does not count as retrieving it.
    [[nodiscard]] bool failed() const noexcept { return exception_ != nullptr; }
    /// The stored exception, or null. Throws while pending, and `CancelledError` when cancelled. Counts as
    /// retrieving it.
    [[nodiscard]] std::exception_ptr exception();
    /// Throws whatever keeps the result from being read.
    void require_result();
    /// Nobody needs to hear about the stored exception any more.
    void mark_retrieved() noexcept { unretrieved_ = false; }

    /// Links a callback; the future must be pending.
    void add_callback(FutureCallback& callback) noexcept { callbacks_.push_back(callback); }
    template <class Visit>
    void for_each_callback(Visit visit) const {
        callbacks_.for_each(visit);
    }
    /// Unlinks all callbacks and abandons them: the loop is closing.
    void abandon_callbacks() noexcept;

protected:
    explicit FutureState(LoopState& loop) noexcept : loop_(&loop) {}
    ~FutureState() override;
    /// Reports an exception that nobody has asked for. For the destructor of the most derived class, as long
    /// as it is known what this is.
    void report_unretrieved() noexcept;

    void require_pending() const;
    /// Ends the pending state and queues the callbacks in the order in which they were added.
    void complete(Status status);
    void complete_cancelled(const std::string& message);
    /// As `complete_cancelled`, when the loop closes: nothing is queued.
    void close_cancelled() noexcept;

private:
    Ref<LoopState> loop_;
    IntrusiveList<FutureCallback> callbacks_;
    std::exception_ptr exception_;
    std::string cancel_message_;
    Status status_ = Status::pending;
    bool unretrieved_ = false;
    bool failed_with_cancelled_ = false;
};

/// The cell with its value.
template <class T>
class FutureStateOf : public FutureState {
public:
    explicit FutureStateOf(LoopState& loop) noexcept : FutureState(loop) {}
    ~FutureStateOf() override { this->report_unretrieved(); }

    template <class... Args>
    void set_value(Args&&... args) {
        require_pending();
        value_.emplace(std::forward<Args>(args)...);
        complete(Status::finished);
    }

    /// The value; throws what keeps it from being read.
    [[nodiscard]] Stored<T>& value() {
        require_result();
        if (!value_)
            throw InvalidStateError(std::string(kind()) + ": the result has been moved out by another await");
        return *value_;
    }
    [[nodiscard]] Stored<T> take_value() {
        Stored<T> taken = std::move(value());
        value_.reset();
        return taken;
    }

private:
    std::optional<Stored<T>> value_;
};

} // namespace aio::detail
