#pragma once

/// `Runner`: several runs on one loop, with a defined end (`asyncio.Runner`).
///
///     aio::Runner runner;
///     runner.run(prepare());
///     int code = runner.run(serve());
///     runner.close();

#include <memory>
#include <optional>
#include <source_location>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/structure/run_options.hpp>

namespace aio {

/// Owns a loop, makes it on first use, and ends it in the right order. All runs share one context: a copy of
/// that in which the loop was made.
class Runner {
public:
    /// A runner whose loop is made as `options` say.
    explicit Runner(RunOptions options = RunOptions());
    /// A runner whose loop comes from `loop_factory`.
    explicit Runner(LoopFactory loop_factory) : Runner(RunOptions().loop_factory(std::move(loop_factory))) {}
    /// `close()`; an exception that closing throws is reported and dropped, so call `close` where it matters.
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    /// Runs `main` to its end and gives its result. On the program's main thread, if SIGINT has its default
    /// action, Ctrl-C cancels `main`, and throws `KeyboardInterrupt` if it ends by that; a second Ctrl-C
    /// throws it at once. Throws `RuntimeError` if the runner is closed or a loop is running in this thread.
    template <class T>
    T run(Coro<T> main) {
        prepare();
        return run_in(*context_, std::move(main));
    }
    /// As above, in `context` instead of the context that all runs share; what `main` sets is left there.
    template <class T>
    T run(Coro<T> main, const Context& context) {
        prepare();
        return run_in(context, std::move(main));
    }

    /// The loop, made now if there was none. Throws `RuntimeError` if the runner is closed.
    [[nodiscard]] EventLoop& get_loop();

    /// Ends the loop: cancels the tasks that are left and waits for them, reporting what they throw; closes
    /// the asynchronous generators that are still open; waits for the default executor, up to five minutes;
    /// closes the loop. Does nothing the second time, or when there never was a loop.
    void close();

private:
    template <class T>
    T run_in(const Context& context, Coro<T> main) {
        Task<T> task =
            loop_->create_task(std::move(main), TaskOptions().context(context), std::source_location());
        run_task(task);
        if constexpr (std::is_void_v<T>)
            task.result();
        else
            return detail::unwrap_stored<T>(
                static_cast<detail::FutureStateOf<T>&>(task.state()).take_value());
    }

    void prepare();
    void run_task(const AnyTask& main);

    RunOptions options_;
    std::unique_ptr<EventLoop> loop_;
    /// Copied from the creator of the loop when that is made.
    std::optional<Context> context_;
    bool closed_ = false;
};

} // namespace aio
