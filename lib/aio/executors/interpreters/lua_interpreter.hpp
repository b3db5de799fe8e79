#pragma once

/// `LuaInterpreter`: one Lua state, and calls into it. Not installed.
///
/// How errors cross. Lua raises an error by `longjmp`, when it was compiled as C, to the innermost
/// `lua_pcall`: over frames of C++ that must then have no destructors to run. And a C++ exception that passed
/// through frames of Lua would leave its state half changed. So there are two kinds of code here, which never
/// mix:
///
/// - *Steps* are functions that Lua calls, under `lua_pcall`. They may use all of Lua's interface; all their
///   locals are trivially destructible, and they call nothing that throws. What they need is handed to them
///   by a pointer to a plain structure.
/// - All other code may throw and have destructors. It uses only those functions of Lua that never raise an
///   error: `lua_pcall` itself, the loader, raw reads of values of known type, pushes of numbers, nil and C
///   functions, and `lua_checkstack` for room on the stack. It turns the status that `lua_pcall` returns into
///   an exception.

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include <aio/executors/interpreters/interpreter.hpp>
#include <aio/executors/interpreters/lua_chunk_cache.hpp>
#include <aio/executors/interpreters/lua_watch.hpp>
#include <aio/executors/interpreters/value_writer.hpp>

struct lua_State;

namespace aio::detail {

/// For one thread. Whatever a call throws, the next one finds it in order; except after a call that was
/// stopped or has reached a limit, because nobody knows what its script has left half done: then it is spent.
class LuaInterpreter final : public Interpreter {
public:
    /// A state with its libraries, prepared as `setup` says. Throws `ExecutionFailed` when a step fails, and
    /// `std::bad_alloc`.
    explicit LuaInterpreter(const InterpreterSetup& setup);
    ~LuaInterpreter() override;

    [[nodiscard]] std::span<const std::byte> call(const ScriptTarget& target,
                                                  std::span<const std::byte> arguments,
                                                  std::size_t argument_count, std::size_t result_count,
                                                  const ScriptRun& run) override;
    [[nodiscard]] bool spent() const noexcept override { return watch_.trip() != LuaWatch::Trip::none; }

private:
    class StackReset;
    class Watching;
    struct CloseState {
        void operator()(lua_State* lua) const noexcept;
    };

    void prepare(const SetupStep& step);
    [[nodiscard]] std::span<const std::byte> call_watched(const ScriptTarget& target,
                                                          std::span<const std::byte> arguments,
                                                          std::size_t argument_count,
                                                          std::size_t result_count);
    /// Does `function()`, an errand in Lua, and leaves an empty stack behind. An error becomes an
    /// `ExecutionFailed` of `name()`.
    template <class Name, class F>
    void naming(Name name, F function);
    /// Has Lua call `step(job)`; its results are left on the stack.
    template <class Job>
    void run_step(int (*step)(lua_State*), Job& job);
    /// Calls the function on the stack with the `arguments` above it, and leaves its results in their place.
    /// This is where scripts run.
    void run_function(int arguments, int results);
    /// The reference of the compiled source.
    [[nodiscard]] int find_or_compile(const std::string& source);
    /// Leaves the function on the stack.
    void compile(const std::string& source, const std::string& name);
    /// Throws if the scripts were to end, also when they have caught the error that says so.
    void require_no_trip();
    /// Throw the error that is on the stack: as it was raised, or with its traceback.
    [[noreturn]] void fail(int status);
    [[noreturn]] void fail_explained();

    // Used by the state to its end.
    LuaWatch watch_;
    std::unique_ptr<lua_State, CloseState> lua_;
    LuaChunkCache chunks_;
    ValueWriter results_;
};

} // namespace aio::detail
