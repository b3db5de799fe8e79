#pragma once

/// `ScriptPoolExecutor<Backend>`: an interpreter pool for another language than Lua, which a class of the
/// program supplies. <aio/executors/interpreters/script_backend.hpp> says what that must do.
///
///     aio::ScriptPoolExecutor<JavaScript> scripts(aio::InterpreterPoolOptions().max_workers(4).source(functions));
///     bool keep = co_await loop.run_in_executor(scripts, aio::script_function<bool>("keep"), name, size);
///
/// All that `InterpreterPoolExecutor` has is here too: options, limits as far as the backend keeps them,
/// stopping of single calls, `BrokenInterpreterPool`, replacement of interpreters, statistics.

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <aio/executors/interpreter_pool_base.hpp>
#include <aio/executors/interpreters/script_backend.hpp>
#include <aio/executors/run_in_executor.hpp>

namespace aio {

/// Something to call in an interpreter of any language. See `Callee`.
template <class R = Value>
using ScriptCallee = Callee<detail::AnyLanguage, R>;

/// The function of that name, as the backend understands names.
template <class R = Value>
[[nodiscard]] ScriptCallee<R> script_function(std::string name) {
    return ScriptCallee<R>(detail::ScriptTarget(detail::ScriptTarget::Kind::function, std::move(name)));
}

/// Source text to be run; its value is the result. It takes no arguments.
template <class R = Value>
[[nodiscard]] ScriptCallee<R> script_source(std::string source) {
    return ScriptCallee<R>(detail::ScriptTarget(detail::ScriptTarget::Kind::chunk, std::move(source)));
}

/// A pool of threads with one `Backend` each. Thread-safe.
template <ScriptBackend Backend>
class ScriptPoolExecutor : public detail::InterpreterPoolBase {
public:
    /// Each thread makes `Backend(arguments...)`, from const references to the copies that are kept here,
    /// which all threads read. What that throws, or the preparation by `options`, breaks the pool.
    template <class... Args>
    explicit ScriptPoolExecutor(InterpreterPoolOptions options = InterpreterPoolOptions(), Args... arguments)
        : InterpreterPoolBase(std::move(options), "ScriptPoolExecutor",
                              [... kept = std::move(arguments)](const detail::InterpreterSetup& setup) {
                                  return std::unique_ptr<detail::Interpreter>(
                                      std::make_unique<detail::BackendInterpreter<Backend>>(
                                          setup, [&] { return std::make_unique<Backend>(kept...); }));
                              }) {}

    /// As `InterpreterPoolExecutor::submit`.
    template <class R, class... Args>
    auto submit(const ScriptCallee<R>& callee, const Args&... arguments) -> ConcurrentFuture<R> {
        detail::ScriptTarget target = callee.target();
        target.set_language(Backend::language);
        return submit_script<R>(std::move(target), callee.limits(), arguments...);
    }
    template <class R, class... Args>
    auto submit(const ThreadCallOptions& options, const ScriptCallee<R>& callee, const Args&... arguments)
        -> ConcurrentFuture<R> {
        auto future = submit(callee, arguments...);
        if (!options.name().empty()) future.state()->set_name(options.name());
        return future;
    }

    /// C++ functions do not run in interpreters.
    template <class F, class... Args>
        requires(!detail::is_callee<std::decay_t<F>> && !std::is_same_v<std::decay_t<F>, ThreadCallOptions>)
    auto submit(F&&, const Args&...) -> ConcurrentFuture<> {
        static_assert(
            detail::is_callee<std::decay_t<F>>,
            "a ScriptPoolExecutor calls functions of scripts: submit(aio::script_function(\"name\"), "
            "arguments...). For a C++ function use a ThreadPoolExecutor, an IsolatedPoolExecutor or a "
            "ProcessPoolExecutor");
        return {};
    }
};

} // namespace aio
