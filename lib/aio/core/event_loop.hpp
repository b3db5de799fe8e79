#pragma once

/// `EventLoop`: runs tasks, callbacks, timers and I/O on one thread (asyncio's event loop).
///
/// A round of the loop polls for I/O, then runs what is ready, in the order in which it became ready; what
/// that makes ready waits for the next round. Callbacks of libuv only store results and queue whoever waits,
/// so user code never runs inside a C callback. When much is ready, several rounds share one poll, within a
/// budget that keeps I/O from starving.
///
/// Most programs never name an `EventLoop`: `aio::run(main())` makes one. Nothing of a loop may be used from
/// another thread, except `call_soon_threadsafe` and `run_coroutine_threadsafe`. Any number of threads may
/// have a loop each.

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/clock.hpp>
#include <aio/core/error_context.hpp>
#include <aio/core/future.hpp>
#include <aio/core/handle.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/mailbox.hpp>
#include <aio/core/task.hpp>
#include <aio/core/task_factory.hpp>
#include <aio/uv/native_loop.hpp>

namespace aio {

class Executor;
namespace uv {
class Loop;
}
namespace detail {
class Reactor;
}

/// One event loop. Not movable: tasks and futures point to it.
class EventLoop {
public:
    /// What is told about errors that reach nobody.
    using ExceptionHandler = std::function<void(EventLoop&, const ErrorContext&)>;

    /// Makes a loop of its own. Throws `std::system_error` when the system refuses the descriptors it needs.
    EventLoop();
    /// Makes a loop that reads the time from `clock`, which must outlive it.
    explicit EventLoop(Clock& clock);
    /// Adopts a libuv loop that somebody else made, and may run: tasks then run as part of that loop's turns.
    /// The libuv loop must outlive this object, and must be run once more after its destruction to finish
    /// closing this object's handles.
    explicit EventLoop(uv::NativeLoop* adopted);
    /// Closes the loop. Must not be called while it runs: the program is terminated then, because there is no
    /// way to go on.
    ~EventLoop();
    EventLoop(const EventLoop&) = delete;
    EventLoop& operator=(const EventLoop&) = delete;

    // --- running ---

    /// Runs until `stop` is called. Throws `RuntimeError` if this loop or another one is running in this
    /// thread, or this one is closed; and whatever `BaseError` a task or callback throws.
    void run_forever();

    /// Runs until `awaitable` (a `Coro`, a task, a future, anything that can be awaited) is done, and gives
    /// its result or throws its exception. Throws `RuntimeError` if the loop is stopped before, and in the
    /// cases of `run_forever`; `DeadlockError` when nothing is left that could ever make it done.
    template <class A>
        requires Awaitable<A>
    auto run_until_complete(A&& awaitable) -> await_result_t<A>;

    /// Makes the running `run_...` call return after the present round. Called before a run, it makes that
    /// run one round long.
    void stop() noexcept { stopping_ = true; }
    [[nodiscard]] bool is_running() const noexcept { return running_; }
    [[nodiscard]] bool is_closed() const noexcept { return state_->closed; }

    /// Ends the loop for good: drops queued callbacks and destroys the tasks that are still pending,
    /// reporting each. Does not wait for executors, except for calls that the default executor is running
    /// just then: libuv holds on to their memory until they end. Throws `RuntimeError` while running; does
    /// nothing when closed already.
    void close();

    // --- time and callbacks ---

    /// The present time on the loop's monotonic clock.
    [[nodiscard]] TimePoint time() const noexcept { return state_->clock->now(); }

    /// Has `function(arguments...)` called in the next round, in the present context. Callbacks run in the
    /// order of these calls, those of `call_soon_threadsafe` included. Throws `RuntimeError` if the loop is
    /// closed, or is running in another thread.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    Handle call_soon(F&& function, Args&&... arguments) {
        return call_soon(copy_context(), std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    /// As above, in the given context.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    Handle call_soon(Context context, F&& function, Args&&... arguments) {
        check_schedulable();
        take_posts();
        detail::Ref<detail::HandleState> handle(make_calling<detail::HandleState>(
            std::forward<F>(function), std::tuple<std::decay_t<Args>...>(std::forward<Args>(arguments)...),
            *state_, std::move(context)));
        handle->schedule();
        return Handle(std::move(handle));
    }

    /// Has `function(arguments...)` called once `delay` has passed; never earlier. A negative delay is due at
    /// once.
    template <class Rep, class Period, class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    TimerHandle call_later(std::chrono::duration<Rep, Period> delay, F&& function, Args&&... arguments) {
        return call_at(time() + detail::to_duration(delay), std::forward<F>(function),
                       std::forward<Args>(arguments)...);
    }
    /// As above, in the given context.
    template <class Rep, class Period, class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    TimerHandle call_later(Context context, std::chrono::duration<Rep, Period> delay, F&& function,
                           Args&&... arguments) {
        return call_at(std::move(context), time() + detail::to_duration(delay), std::forward<F>(function),
                       std::forward<Args>(arguments)...);
    }
    /// Has `function(arguments...)` called at a time on the loop's clock. Callbacks with the same time run in
    /// the order of these calls.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    TimerHandle call_at(TimePoint when, F&& function, Args&&... arguments) {
        return call_at(copy_context(), when, std::forward<F>(function), std::forward<Args>(arguments)...);
    }
    /// As above, in the given context.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    TimerHandle call_at(Context context, TimePoint when, F&& function, Args&&... arguments) {
        check_schedulable();
        detail::Ref<detail::TimerHandleState> handle(make_calling<detail::TimerHandleState>(
            std::forward<F>(function), std::tuple<std::decay_t<Args>...>(std::forward<Args>(arguments)...),
            *state_, std::move(context), when));
        handle->arm();
        return TimerHandle(std::move(handle));
    }

    /// `call_soon` for other threads: wakes the loop. Throws `RuntimeError` if the loop is closed. The loop
    /// object must be alive.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    ThreadsafeHandle call_soon_threadsafe(F&& function, Args&&... arguments) {
        return call_soon_threadsafe(copy_context(), std::forward<F>(function),
                                    std::forward<Args>(arguments)...);
    }
    /// As above, in the given context.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>...>
    ThreadsafeHandle call_soon_threadsafe(Context context, F&& function, Args&&... arguments) {
        using State = detail::Calling<detail::ThreadsafeHandleState, std::decay_t<F>, std::decay_t<Args>...>;
        auto state = std::make_shared<State>(
            std::forward<F>(function), std::tuple<std::decay_t<Args>...>(std::forward<Args>(arguments)...),
            *state_, std::move(context));
        detail::ThreadsafeHandleState::post(state, *mailbox_);
        return ThreadsafeHandle(std::move(state));
    }

    // --- tasks and futures ---

    /// Runs a coroutine as a task of its own; its first step runs in the next round. `created` is where the
    /// call stands, for reports about the task. Throws `RuntimeError` if the loop is closed, and whatever the
    /// task factory throws; the coroutine is destroyed then.
    template <class T>
    Task<T> create_task(Coro<T> coro, const TaskOptions& options = TaskOptions(),
                        const std::source_location& created = std::source_location::current()) {
        if (task_factory_) return make_task_by_factory(std::move(coro), options, created);
        return make_task(std::move(coro), options, created);
    }
    /// Runs `function(arguments...)`, which gives a coroutine, as a task. The task owns the callable and the
    /// arguments, so this is the form for lambdas that capture.
    template <class F, class... Args>
        requires detail::CoroutineCall<F, Args...>
    auto create_task(F&& function, Args&&... arguments) -> Task<detail::CallResult<F, Args...>> {
        return create_task(detail::call_in_coro<std::decay_t<F>, std::decay_t<Args>...>(
                               std::forward<F>(function), std::forward<Args>(arguments)...),
                           TaskOptions(), std::source_location());
    }

    /// Has `factory` called with every task that is to be made from now on, also for those of groups and
    /// `gather`, for `run_until_complete`, and for coroutines from other threads. An empty function restores
    /// the default. `eager_task_factory` starts all tasks at once.
    void set_task_factory(TaskFactory factory) { task_factory_ = std::move(factory); }
    [[nodiscard]] const TaskFactory& get_task_factory() const noexcept { return task_factory_; }

    /// A pending future of this loop.
    template <class T = void>
    [[nodiscard]] Future<T> create_future() {
        return Future<T>(detail::Ref<detail::FutureState>(new detail::FutureStateOf<T>(*state_)));
    }

    /// The tasks of this loop that are not done.
    [[nodiscard]] std::vector<AnyTask> all_tasks() const;
    /// The task whose code is running, or an empty handle.
    [[nodiscard]] AnyTask current_task() const noexcept;

    // --- executors (defined in <aio/executors/run_in_executor.hpp>) ---

    /// Runs `function(arguments...)` in an executor and gives a future for its result. The call starts at
    /// once; see `Executor` for cancellation.
    template <class Pool, class F, class... Args>
    auto run_in_executor(Pool& executor, F&& function, Args&&... arguments);
    /// The same in the default executor: threads of libuv's work queue, for blocking calls.
    template <class F, class... Args>
    auto run_in_executor(std::nullptr_t, F&& function, Args&&... arguments);

    /// Replaces the default executor. Throws `ValueError` for null.
    void set_default_executor(std::shared_ptr<Executor> executor);
    /// The default executor, made on first use. Throws `RuntimeError` after `shutdown_default_executor`.
    [[nodiscard]] Executor& default_executor();
    /// Refuses further use of the default executor and waits until its work has ended, or `timeout` has
    /// passed: then it goes on without, reports that through the exception handler, and the work ends on its
    /// own.
    Coro<> shutdown_default_executor(Duration timeout = Duration::max());

    // --- asynchronous generators ---

    /// Closes all generators that have been iterated in this loop and stand at a `co_yield`, the youngest
    /// first, one after the other; `run` does so. What they throw goes to the exception handler, and so does
    /// an error for each that is running in a task just then. A generator that is first iterated later is
    /// reported to the exception handler, and runs. Cancelling this leaves those open whose turn has not
    /// come.
    Coro<> shutdown_asyncgens();

    // --- errors ---

    /// Replaces what happens to errors that reach nobody; an empty function restores the default, which
    /// prints a line to stderr.
    void set_exception_handler(ExceptionHandler handler) { exception_handler_ = std::move(handler); }
    [[nodiscard]] const ExceptionHandler& get_exception_handler() const noexcept {
        return exception_handler_;
    }
    /// Reports an error. Never throws: an exception of the handler is reported by the default handler, a
    /// `BaseError` leaves the run call.
    void call_exception_handler(const ErrorContext& context) noexcept;
    /// Prints the error to stderr.
    void default_exception_handler(const ErrorContext& context) noexcept;

    // --- debug mode ---

    /// Debug mode, off by default: each step of a task and each callback is timed, and one that took as long
    /// as `get_slow_callback_duration` or longer, so that nothing else could run, is told to the exception
    /// handler by name, without an exception. Takes effect in the next round. Off, it costs one branch a
    /// round.
    void set_debug(bool on) noexcept { state_->debug = on; }
    [[nodiscard]] bool get_debug() const noexcept { return state_->debug; }
    /// How long a callback may take in debug mode: 100 ms unless changed. The time is that of the loop's
    /// clock.
    void set_slow_callback_duration(Duration limit) noexcept { state_->slow_callback_duration = limit; }
    [[nodiscard]] Duration get_slow_callback_duration() const noexcept {
        return state_->slow_callback_duration;
    }

    // --- signals (defined in <aio/io/loop_signals.hpp>) ---

    /// Has `function(arguments...)` called, as a callback of the loop, when the process gets the signal: one
    /// handler for each signal, which replaces an earlier one. It runs in the present context; signals that
    /// come while a call is queued are merged into it. A handler for SIGINT takes the place of what `run`
    /// does on Ctrl-C. Unlike asyncio's, works in any thread. Throws `ValueError` for a number that is no
    /// signal, `RuntimeError` for one that cannot be caught or if the loop is closed; does not compile for a
    /// function that gives a coroutine.
    template <class F, class... Args>
        requires std::invocable<std::decay_t<F>&, std::decay_t<Args>&...>
    void add_signal_handler(int signum, F&& function, Args&&... arguments);
    /// Removes the handler; a call that is queued does not happen. False if there was none. Throws
    /// `ValueError` for a number that is no signal, `RuntimeError` if the loop is closed.
    bool remove_signal_handler(int signum);
    /// Whether `add_signal_handler` has set a handler that is still there.
    [[nodiscard]] bool has_signal_handler(int signum) noexcept;

    // --- below aiouv ---

    /// The loop of the bindings, on which handles are made. Throws `RuntimeError` if the loop is closed.
    [[nodiscard]] uv::Loop& bindings();
    /// The same as libuv's own type.
    [[nodiscard]] uv::NativeLoop* native();

    /// For the library: runs until a future of this loop is done, leaving its outcome to be read. Throws as
    /// `run_until_complete` does.
    void run_until_done(detail::FutureState& future);
    /// For the library: something elsewhere (a thread, a process) is going to post to this loop, or no longer
    /// is. Keeps an adopted loop alive meanwhile; one of our own runs until it is stopped.
    void expect_post() noexcept;
    void expect_post_no_longer() noexcept;
    /// For the library: a handle on this loop that is no reason for it to go on waiting; +1 or -1.
    void count_background_handle(int change) noexcept;
    /// For the library: see `testing::shuffle`.
    void shuffle_ready(std::uint64_t seed);
    /// For the library: what other threads post to.
    [[nodiscard]] const std::shared_ptr<detail::Mailbox>& mailbox() const noexcept { return mailbox_; }
    /// For the library: where the signal handlers are kept.
    [[nodiscard]] std::unique_ptr<detail::LoopExtension>& signal_extension() noexcept { return signals_; }
    /// For the library: the state shared with tasks and futures.
    [[nodiscard]] detail::LoopState& state() const noexcept { return *state_; }

private:
    friend class detail::Reactor;
    EventLoop(Clock& clock, uv::NativeLoop* adopted);

    template <class Base, class F, class... Args, class... BaseArgs>
    static Base* make_calling(F&& function, std::tuple<Args...> arguments, BaseArgs&&... base) {
        return new detail::Calling<Base, std::decay_t<F>, Args...>(
            std::forward<F>(function), std::move(arguments), std::forward<BaseArgs>(base)...);
    }

    template <class T>
    Task<T> make_task(Coro<T> coro, const TaskOptions& options, const std::source_location& created) {
        check_schedulable();
        take_posts();
        detail::Ref<detail::FutureState> future(
            new detail::TaskStateOf<T>(*state_, std::move(coro), options.name(), options.context(), created));
        start_task(*future->as_task(), options.eager_start());
        return Task<T>(std::move(future));
    }
    template <class T>
    Task<T> make_task_by_factory(Coro<T> coro, const TaskOptions& options,
                                 const std::source_location& created) {
        check_schedulable();
        if (!coro.valid()) return make_task(std::move(coro), options, created);
        // A copy, so that a factory may replace itself.
        const TaskFactory factory = task_factory_;
        NewTask task(*this, options);
        factory(task);
        NewTask::Wrapper wrapper = task.take_wrapper();
        if (!wrapper) return make_task(std::move(coro), task.options(), created);
        return make_task(detail::run_wrapped<T>(std::move(coro), std::move(wrapper)), task.options(),
                         created);
    }

    void check_schedulable() const;
    /// What other threads have posted before comes before what is queued now.
    void take_posts() noexcept {
        if (!mailbox_->empty()) deliver_posts();
    }
    void deliver_posts() noexcept;
    void check_runnable() const;
    void start_task(detail::TaskState& task, bool eagerly);
    bool run_reactor(bool for_a_future);

    detail::Ref<detail::LoopState> state_;
    std::unique_ptr<detail::Reactor> reactor_;
    std::shared_ptr<detail::Mailbox> mailbox_;
    std::shared_ptr<Executor> default_executor_;
    std::unique_ptr<detail::LoopExtension> signals_;
    ExceptionHandler exception_handler_;
    TaskFactory task_factory_;
    bool default_executor_shut_down_ = false;
    bool running_ = false;
    bool stopping_ = false;
};

template <class A>
    requires Awaitable<A>
auto EventLoop::run_until_complete(A&& awaitable) -> await_result_t<A> {
    using T = await_result_t<A>;
    if constexpr (detail::is_future<std::remove_cvref_t<A>>) {
        run_until_done(awaitable.state());
        if constexpr (std::is_void_v<T>)
            awaitable.result();
        else if constexpr (std::is_object_v<T> && !copyable_result<T>)
            return static_cast<detail::FutureStateOf<T>&>(awaitable.state()).take_value();
        else
            return awaitable.result();
    } else {
        // Before there is a task, which would otherwise run later on although this call has failed.
        check_runnable();
        Task<T> task =
            create_task(detail::as_coro(std::forward<A>(awaitable)), TaskOptions(), std::source_location());
        run_until_done(task.state());
        if constexpr (std::is_void_v<T>)
            task.result();
        else
            return detail::unwrap_stored<T>(
                static_cast<detail::FutureStateOf<T>&>(task.state()).take_value());
    }
}

/// The loop that runs the calling code. Throws `RuntimeError` if there is none.
[[nodiscard]] EventLoop& get_running_loop();

/// The task that runs the calling code, or an empty handle inside a plain callback. Throws `RuntimeError` if
/// no loop is running.
[[nodiscard]] inline AnyTask current_task() { return get_running_loop().current_task(); }

/// The tasks of the running loop that are not done.
[[nodiscard]] inline std::vector<AnyTask> all_tasks() { return get_running_loop().all_tasks(); }
/// The tasks of `loop` that are not done.
[[nodiscard]] inline std::vector<AnyTask> all_tasks(const EventLoop& loop) { return loop.all_tasks(); }

/// Runs a coroutine as a task of the running loop. See `EventLoop::create_task`.
template <class T>
Task<T> create_task(Coro<T> coro, const TaskOptions& options = TaskOptions(),
                    const std::source_location& created = std::source_location::current()) {
    return get_running_loop().create_task(std::move(coro), options, created);
}
/// Runs `function(arguments...)`, which gives a coroutine, as a task of the running loop.
template <class F, class... Args>
    requires detail::CoroutineCall<F, Args...>
auto create_task(F&& function, Args&&... arguments) {
    return get_running_loop().create_task(std::forward<F>(function), std::forward<Args>(arguments)...);
}

} // namespace aio
