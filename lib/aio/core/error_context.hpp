#pragma once

/// What an exception handler of the loop is told.

#include <exception>
#include <string>

namespace aio {

/// An error that reached nobody: a callback threw, a failed task was dropped, a pending task was destroyed
/// (the context dictionary of asyncio's exception handlers).
struct ErrorContext {
    /// What happened, in one line.
    std::string message;
    /// The exception, or null.
    std::exception_ptr exception;
    /// The name of the task concerned, or empty.
    std::string source;
};

/// "message (source): type: what", as the default handler prints it.
[[nodiscard]] std::string describe(const ErrorContext& context);

/// A short text for any exception: its type and its message.
[[nodiscard]] std::string describe(const std::exception_ptr& error);

/// Prints the error to stderr, in one line: the last resort.
void report_to_stderr(const ErrorContext& context) noexcept;

} // namespace aio
