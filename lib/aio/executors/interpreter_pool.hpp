#pragma once

/// `InterpreterPoolExecutor`: calls of Lua functions, in threads that each have an interpreter of their own
/// (`concurrent.futures.InterpreterPoolExecutor`).
///
///     aio::InterpreterPoolOptions options;
///     options.source_file("filters.lua").global("limit", 1000);
///     aio::InterpreterPoolExecutor interpreters(4, options);
///     bool keep = co_await loop.run_in_executor(interpreters, aio::lua<bool>("filters.keep"), name, size);
///
/// For scripts of a program's users: rules, filters, formulas, that run in parallel and cannot touch the
/// program's memory. Nothing is shared: arguments and results are copied
/// (<aio/executors/interpreters/value_format.hpp> has the list of types), and what a call leaves in global
/// variables is seen only by later calls that happen to run in the same interpreter. Scripts can be limited
/// in time (`instruction_limit`) and memory (`memory_limit`), for the pool and for one call; after a call
/// that was stopped or has reached a limit its interpreter is replaced. It is no security boundary: the
/// scripts have the program's rights. They have Lua's libraries for strings, tables, mathematics, UTF-8,
/// coroutines, input and output (`io`) and the operating system (`os`), and `debug.traceback`; there is no
/// `require`. `print` writes whole lines to stdout, and `os.exit` is an error of the call.

#include <type_traits>
#include <utility>

#include <aio/config.hpp>
#include <aio/executors/interpreter_pool_base.hpp>
#include <aio/executors/interpreters/execution_failed.hpp>
#include <aio/executors/interpreters/interpreter_setup.hpp>
#include <aio/executors/interpreters/lua_callee.hpp>
#include <aio/executors/interpreters/value.hpp>
#include <aio/executors/run_in_executor.hpp>

namespace aio {

#if AIO_HAVE_LUA

/// A pool of threads with one interpreter each. An interpreter is made by the first call that needs one more
/// thread, and closed when its thread ends. Thread-safe.
class InterpreterPoolExecutor : public detail::InterpreterPoolBase {
public:
    /// An interpreter that cannot be prepared as `options` say breaks the pool: queued and later calls fail
    /// with `BrokenInterpreterPool`.
    explicit InterpreterPoolExecutor(InterpreterPoolOptions options);
    /// The same with `max_workers` interpreters at most. Throws `ValueError` if that is not positive.
    explicit InterpreterPoolExecutor(int max_workers = default_max_workers(),
                                     InterpreterPoolOptions options = InterpreterPoolOptions());

    /// Queues the call of a Lua function or chunk: `submit(lua<double>("f"), 1, "two")`. The arguments are
    /// copied now. The future fails with `ExecutionFailed` when the code does, or is stopped, or reaches a
    /// limit; with `ConversionError` when an argument cannot enter the interpreter, or the result is no `R`.
    /// A call that was cancelled before it started never runs; one that runs is stopped when its future, or
    /// the task that awaits it, is cancelled. Throws `RuntimeError` after `shutdown`,
    /// `BrokenInterpreterPool`.
    template <class R, class... Args>
    auto submit(const LuaCallee<R>& callee, const Args&... arguments) -> ConcurrentFuture<R> {
        return submit_script<R>(callee.target(), callee.limits(), arguments...);
    }
    /// The same with a name for reports.
    template <class R, class... Args>
    auto submit(const ThreadCallOptions& options, const LuaCallee<R>& callee, const Args&... arguments)
        -> ConcurrentFuture<R> {
        auto future = submit(callee, arguments...);
        if (!options.name().empty()) future.state()->set_name(options.name());
        return future;
    }

    /// C++ functions do not run in interpreters.
    template <class F, class... Args>
        requires(!detail::is_callee<std::decay_t<F>> && !std::is_same_v<std::decay_t<F>, ThreadCallOptions>)
    auto submit(F&&, const Args&...) -> ConcurrentFuture<> {
        static_assert(detail::is_callee<std::decay_t<F>>,
                      "an InterpreterPoolExecutor calls Lua functions, by name or source: "
                      "submit(aio::lua(\"name\"), arguments...). For a C++ function use a ThreadPoolExecutor "
                      "or a ProcessPoolExecutor");
        return {};
    }
};

#else

/// Not available: this build of aiouv has no interpreter.
class InterpreterPoolExecutor {
public:
    template <class... Args>
    explicit InterpreterPoolExecutor(Args&&...) {
        static_assert(
            sizeof...(Args) > 1000,
            "aiouv was built without Lua, and InterpreterPoolExecutor needs it: configure the build "
            "with -Dlua=enabled");
    }
    template <class R, class... Args>
    ConcurrentFuture<R> submit(const LuaCallee<R>&, const Args&...);
    void shutdown(bool wait = true, bool cancel_futures = false);
    void terminate_workers();
};

#endif

} // namespace aio
