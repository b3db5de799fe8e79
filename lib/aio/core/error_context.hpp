#pragma once

/// What an exception handler of the loop is told.

#include <exception>
#include <source_location>
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
    /// Where that task was made, or the coroutine concerned was written; its line is 0 when that is not
    /// known. A task made from a callable with arguments, or by `gather`, shows the function that made it.
    std::source_location created;
};

/// "message (source, made at file:line in function): type: what", as the default handler prints it.
[[nodiscard]] std::string describe(const ErrorContext& context);

/// A short text for any exception: its type and its message.
[[nodiscard]] std::string describe(const std::exception_ptr& error);

/// "file:line in function", or nothing when it is not known.
[[nodiscard]] std::string describe(const std::source_location& where);

/// Prints the error to stderr, in one line: the last resort.
void report_to_stderr(const ErrorContext& context) noexcept;

} // namespace aio
