#pragma once

/// The errors of an interpreter pool.

#include <string>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/executors/executor.hpp>

namespace aio {

/// A call in an interpreter ended with an error: the code raised one, the function does not exist, the source
/// has a syntax error, the call was stopped or reached a limit. `what()` names the function and the message.
class ExecutionFailed : public RuntimeError {
public:
    /// `function` is what was called, as a phrase: "Lua function 'f'".
    ExecutionFailed(std::string function, std::string message, std::string traceback = {})
        : RuntimeError(function + " failed: " + message),
          function_(std::move(function)),
          message_(std::move(message)),
          traceback_(std::move(traceback)) {}

    /// What was called: "Lua function 'f'", or "Lua chunk 'return ...'" with the beginning of its source.
    [[nodiscard]] const std::string& function() const noexcept { return function_; }
    /// The interpreter's own message, with the place in the source: `[string "..."]:3: attempt to index a nil
    /// value`.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    /// The calls that led there, innermost first, as Lua prints them; empty when no code had begun to run.
    [[nodiscard]] const std::string& traceback() const noexcept { return traceback_; }

private:
    std::string function_;
    std::string message_;
    std::string traceback_;
};

/// The interpreters of a pool cannot be made: the initial source, or a global value, failed. The message
/// holds the interpreter's.
class BrokenInterpreterPool : public BrokenExecutor {
public:
    using BrokenExecutor::BrokenExecutor;
};

} // namespace aio
