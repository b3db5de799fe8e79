#pragma once

/// The interpreter of a worker thread, whatever its language.

#include <cstddef>
#include <span>
#include <vector>

#include <aio/executors/interpreters/interpreter_setup.hpp>
#include <aio/executors/interpreters/script_callee.hpp>
#include <aio/executors/interpreters/script_run.hpp>
#include <aio/executors/worker_resource.hpp>

namespace aio::detail {

/// Made, called and closed on its thread.
class Interpreter : public WorkerResource {
public:
    /// Calls `target` with `argument_count` values. Gives `result_count` values, which are valid until the
    /// next call. Throws `ExecutionFailed`, also when `run` says stop or its limits are reached;
    /// `ConversionError` for a result that cannot leave the interpreter; `std::bad_alloc`.
    [[nodiscard]] virtual std::span<const std::byte> call(const ScriptTarget& target,
                                                          std::span<const std::byte> arguments,
                                                          std::size_t argument_count,
                                                          std::size_t result_count, const ScriptRun& run) = 0;
};

/// The one of this thread. Throws `RuntimeError`, which names `target`, in a thread that has none.
[[nodiscard]] Interpreter& thread_interpreter(const ScriptTarget& target);

/// How a new interpreter is to be prepared: its sources and globals, and what its own limits are. The token
/// ends an initial source that takes too long for a pool that is to end.
class InterpreterSetup {
public:
    InterpreterSetup(std::vector<SetupStep> s, ScriptRun r) : steps(std::move(s)), run(std::move(r)) {}
    std::vector<SetupStep> steps;
    ScriptRun run;
};

} // namespace aio::detail
