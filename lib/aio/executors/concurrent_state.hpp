#pragma once

/// The thread-safe state behind `ConcurrentFuture`, and the calls that executors run.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <tuple>
#include <typeinfo>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/core/stored.hpp>
#include <aio/executors/call_traits.hpp>

namespace aio::detail {

/// Told once, by the thread that completes (or cancels) a concurrent future, or at once if it is done
/// already.
class ConcurrentCallback {
public:
    virtual void on_completed() noexcept = 0;
    virtual ~ConcurrentCallback() = default;

protected:
    ConcurrentCallback() = default;
    ConcurrentCallback(const ConcurrentCallback&) = delete;
    ConcurrentCallback& operator=(const ConcurrentCallback&) = delete;
};

/// Prints what a callback threw: there is no caller who could be told.
void report_callback_exception(const std::exception_ptr& error) noexcept;

/// Pending, then running, then finished; or pending, then cancelled. All members are thread-safe.
class ConcurrentState : public std::enable_shared_from_this<ConcurrentState> {
public:
    enum class Status : std::uint8_t { pending, running, finished, cancelled };

    ConcurrentState() = default;
    ConcurrentState(const ConcurrentState&) = delete;
    ConcurrentState& operator=(const ConcurrentState&) = delete;
    virtual ~ConcurrentState() = default;

    [[nodiscard]] Status status() const;
    /// Cancels if it has not started; true also when it was cancelled before.
    bool cancel();
    /// Marks it as running; false if it was cancelled, and must not run. Throws `InvalidStateError` if it is
    /// running or finished.
    [[nodiscard]] bool set_running_or_notify_cancel();
    /// For executors: marks it as running, if it is not already. False if it is done, be it that somebody has
    /// completed it by hand: it must not run.
    [[nodiscard]] bool begin() noexcept;
    /// For executors: calls `change` while nobody can cancel or begin it. False, with nothing called, if it
    /// is not pending.
    template <class Change>
    bool change_while_pending(Change change) {
        const std::lock_guard lock(mutex_);
        if (status_ != Status::pending) return false;
        change();
        return true;
    }
    /// Its result is not wanted any more: asks a call that runs to stop, where its executor can do that.
    virtual void request_stop() noexcept {}
    /// Waits until it is done. False if the time ran out first.
    bool wait(std::optional<std::chrono::steady_clock::time_point> deadline) const;

    void add_callback(std::shared_ptr<ConcurrentCallback> callback);
    /// Takes one out again; it may be under way already.
    void remove_callback(const ConcurrentCallback& callback) noexcept;

    /// Fails it, and tells the callbacks.
    void fail(std::exception_ptr error);
    /// As `fail`, but does nothing if it is done already.
    void fail_unless_done(std::exception_ptr error);
    /// Throws unless it is finished with a value; does not wait.
    void require_result() const;
    [[nodiscard]] std::exception_ptr exception() const;
    /// Whether it is finished with an exception.
    [[nodiscard]] bool failed() const;

    /// What reports call it; empty unless it was given a name.
    void set_name(std::string name);
    [[nodiscard]] std::string name() const;

    /// After a result has been stored with notification left to the caller: tells the callbacks.
    void run_callbacks() noexcept;

protected:
    /// Stores an outcome under the lock by `store()`, and wakes who waits. Callbacks are left to
    /// `run_callbacks`.
    template <class Store>
    void finish(Store store) {
        {
            const std::lock_guard lock(mutex_);
            require_unfinished();
            store();
            status_ = Status::finished;
        }
        done_.notify_all();
    }
    /// As above; false, with nothing stored, if it is done already.
    template <class Store>
    bool finish_unless_done(Store store) {
        {
            const std::lock_guard lock(mutex_);
            if (status_ == Status::finished || status_ == Status::cancelled) return false;
            store();
            status_ = Status::finished;
        }
        done_.notify_all();
        return true;
    }
    bool store_exception_unless_done(std::exception_ptr error) {
        return finish_unless_done([&] { exception_ = std::move(error); });
    }

private:
    /// It is to be cancelled while it is pending: takes it back from where it waits. False if it has begun
    /// there, of which nobody has told this yet. The state is locked.
    [[nodiscard]] virtual bool withdraw() noexcept { return true; }
    /// `cancel` came too late.
    virtual void cancelled_while_running() noexcept {}
    void require_unfinished() const;

    mutable std::mutex mutex_;
    mutable std::condition_variable done_;
    std::vector<std::shared_ptr<ConcurrentCallback>> callbacks_;
    std::exception_ptr exception_;
    // Most have none.
    std::unique_ptr<const std::string> name_;
    Status status_ = Status::pending;
};

/// The state with its value.
template <class T>
class ConcurrentStateOf : public ConcurrentState {
public:
    template <class... Args>
    void set_value(Args&&... args) {
        this->finish([&] { value_.emplace(std::forward<Args>(args)...); });
        this->run_callbacks();
    }
    /// As `set_value`, but does nothing if it is done already.
    void set_value_unless_done(Stored<T> value) {
        if (store_value_unless_done(std::move(value))) this->run_callbacks();
    }
    /// The value of a finished future; call `require_result` first.
    [[nodiscard]] Stored<T>& value() noexcept { return *value_; }

protected:
    template <class... Args>
    bool store_value_unless_done(Args&&... args) {
        return this->finish_unless_done([&] { value_.emplace(std::forward<Args>(args)...); });
    }

private:
    std::optional<Stored<T>> value_;
};

class RemoteForm;

/// A call that an executor is to run: what stands in its queue.
class Call {
public:
    /// How to run the call in another process, or null if it cannot leave this one.
    [[nodiscard]] virtual RemoteForm* remote_form() noexcept { return nullptr; }

    /// The future of the call.
    [[nodiscard]] virtual ConcurrentState& state() noexcept = 0;
    /// Runs the function in this thread and stores the outcome. Callbacks are left to
    /// `state().run_callbacks()`.
    virtual void execute() noexcept = 0;
    /// The type of the callable.
    [[nodiscard]] virtual const std::type_info& type() const noexcept = 0;
    /// What to call it in reports: its name, or else its type.
    [[nodiscard]] std::string describe() noexcept;
    /// Lets go of the callable and its arguments: they do not outlive the call, however long somebody keeps
    /// the future. For whoever has taken the call out of its queue, so that nobody else can run it.
    virtual void release() noexcept = 0;

    /// Runs the call unless it was cancelled.
    void run() noexcept {
        if (!execute_unless_done()) return;
        state().run_callbacks();
    }
    /// As `run`, but the callbacks are left to `state().run_callbacks()`, if it gives true.
    bool execute_unless_done() noexcept {
        if (!state().begin()) {
            release();
            return false;
        }
        execute();
        return true;
    }
    /// It will not run: cancels it.
    void discard() noexcept {
        release();
        state().cancel();
    }
    /// It will not run, or has not come to an end of its own: fails it, unless it was cancelled.
    void fail(std::exception_ptr error) noexcept {
        release();
        state().fail_unless_done(std::move(error));
    }

    virtual ~Call() = default;

protected:
    Call() = default;
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
};

/// Where the token of a call comes from, if it takes one.
template <bool TakesToken>
class CallStop {
protected:
    void stop() const noexcept {}
};
template <>
class CallStop<true> {
protected:
    void stop() noexcept { source_.request_stop(); }
    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

private:
    std::stop_source source_;
};

/// `function(arguments...)` together with its future.
template <class F, class... Args>
class CallOf : public ConcurrentStateOf<CallValue<F, Args...>>,
               public Call,
               private CallStop<wants_stop_token<F, Args...>> {
public:
    using Value = CallValue<F, Args...>;

    template <class G, class... As>
    explicit CallOf(G&& function, As&&... arguments)
        : function_(std::in_place, std::forward<G>(function)),
          arguments_(std::in_place, std::forward<As>(arguments)...) {}

    [[nodiscard]] ConcurrentState& state() noexcept override { return *this; }
    [[nodiscard]] const std::type_info& type() const noexcept override {
        return typeid(typename CallableIdentity<F>::Type);
    }
    void request_stop() noexcept override { this->stop(); }

    // A result is dropped if somebody has completed the future by hand meanwhile: there is no caller who
    // could be told.
    void execute() noexcept override {
        try {
            if constexpr (std::is_void_v<Value>) {
                call();
                release();
                this->store_value_unless_done();
            } else {
                decltype(auto) value = call();
                release();
                this->store_value_unless_done(wrap_stored<Value>(std::forward<Value>(value)));
            }
        } catch (...) {
            release();
            this->store_exception_unless_done(std::current_exception());
        }
    }
    void release() noexcept override {
        function_.reset();
        arguments_.reset();
    }

protected:
    [[nodiscard]] const F& function() const noexcept { return *function_; }
    [[nodiscard]] const std::tuple<Args...>& arguments() const noexcept { return *arguments_; }

private:
    void cancelled_while_running() noexcept override { this->stop(); }

    Value call() {
        return std::apply(
            [&](Args&&... arguments) -> Value {
                if constexpr (wants_stop_token<F, Args...>)
                    return std::invoke(*function_, this->token(), std::move(arguments)...);
                else
                    return std::invoke(*function_, std::move(arguments)...);
            },
            std::move(*arguments_));
    }

    std::optional<F> function_;
    std::optional<std::tuple<Args...>> arguments_;
};

} // namespace aio::detail
