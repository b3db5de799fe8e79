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
/// variables is seen only by later calls that happen to run in the same interpreter. It is no security
/// boundary: the scripts have the program's rights. They have Lua's libraries for strings, tables,
/// mathematics, UTF-8, coroutines, input and output (`io`) and the operating system (`os`), and
/// `debug.traceback`; there is no `require`. `print` writes whole lines to stdout, and `os.exit` is an error
/// of the call.

#include <atomic>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/config.hpp>
#include <aio/executors/interpreters/execution_failed.hpp>
#include <aio/executors/interpreters/interpreter_call.hpp>
#include <aio/executors/interpreters/interpreter_setup.hpp>
#include <aio/executors/interpreters/lua_callee.hpp>
#include <aio/executors/interpreters/value.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>

namespace aio {

#if AIO_HAVE_LUA

/// A pool of threads with one interpreter each. An interpreter is made by the first call that needs one more
/// thread, and closed when its thread ends. Thread-safe.
class InterpreterPoolExecutor : public ThreadPoolExecutor {
public:
    /// `max_workers` interpreters at most. An interpreter that cannot be prepared as `options` say breaks the
    /// pool: queued and later calls fail with `BrokenInterpreterPool`. Throws `ValueError` if `max_workers`
    /// is not positive.
    explicit InterpreterPoolExecutor(int max_workers = default_max_workers(),
                                     InterpreterPoolOptions options = InterpreterPoolOptions());

    /// Queues the call of a Lua function or chunk: `submit(lua<double>("f"), 1, "two")`. The arguments are
    /// copied now. The future fails with `ExecutionFailed` when the code does, `ConversionError` when an
    /// argument cannot enter the interpreter, or the result is no `R`. A call that was cancelled before it
    /// started never runs; one that runs cannot be stopped. Throws `RuntimeError` after `shutdown`,
    /// `BrokenInterpreterPool`.
    template <class R, class... Args>
    auto submit(LuaCallee<R> callee, const Args&... arguments) -> ConcurrentFuture<R> {
        detail::check_interpreter_call<R, Args...>();
        using Call = detail::InterpreterCall<R>;
        return submit_as<detail::CallOf<Call>>(Call(std::move(callee).target(), arguments...));
    }

    /// Refuses further calls, cancels those that have not started, and stops the scripts that run: their
    /// futures fail with `ExecutionFailed`. Returns at once. A script is stopped between two of its
    /// instructions, not inside a library function that blocks.
    void terminate_workers();

    /// C++ functions do not run in interpreters.
    template <class F, class... Args>
        requires(!detail::is_lua_callee<std::decay_t<F>>)
    auto submit(F&&, const Args&...) -> ConcurrentFuture<> {
        static_assert(detail::is_lua_callee<std::decay_t<F>>,
                      "an InterpreterPoolExecutor calls Lua functions, by name or source: "
                      "submit(aio::lua(\"name\"), arguments...). For a C++ function use a ThreadPoolExecutor "
                      "or a ProcessPoolExecutor");
        return {};
    }

private:
    InterpreterPoolExecutor(int max_workers, InterpreterPoolOptions options,
                            std::shared_ptr<std::atomic<bool>> stop);
    std::shared_ptr<std::atomic<bool>> stop_;
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
    ConcurrentFuture<R> submit(LuaCallee<R>, const Args&...);
    void shutdown(bool wait = true, bool cancel_futures = false);
    void terminate_workers();
};

#endif

} // namespace aio
