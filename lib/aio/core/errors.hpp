#pragma once

/// The exceptions that aiouv itself throws.
///
/// Two families, as in asyncio. Ordinary errors derive from `std::exception`: a program may catch and handle
/// them. Control-flow exceptions do not, so that `catch (const std::exception&)` cannot swallow them by
/// accident: `CancelledError` ends the task it is thrown into, `GeneratorExit` ends the generator, and the
/// `BaseError` family leaves the loop's run call at once. Errors of the operating system are
/// `std::system_error`, in a category that compares equal to `std::errc`.

#include <stdexcept>
#include <string>
#include <utility>

namespace aio {

/// Thrown out of an await when the task has been cancelled (`asyncio.CancelledError`). Let it pass, or catch
/// it, clean up and rethrow; a task that swallows it goes on running. Deliberately not a `std::exception`.
class CancelledError {
public:
    CancelledError() = default;
    explicit CancelledError(std::string message) : message_(std::move(message)) {}

    /// The text given to `cancel(message)`; empty when none was given.
    [[nodiscard]] const std::string& message() const noexcept { return message_; }

private:
    std::string message_;
};

/// Thrown out of the `co_yield` at which an `AsyncGenerator` stands when `aclose` closes it (`GeneratorExit`
/// in Python). Let it pass, or catch it, clean up and return; yielding once more is an error. Deliberately
/// not a `std::exception`.
class GeneratorExit {};

/// Root of the exceptions that end the whole run (`BaseException` in Python, less `CancelledError`): a task
/// that throws one is marked failed and the exception also leaves `run_forever` or `run_until_complete` at
/// once. Not a `std::exception`.
class BaseError {
public:
    explicit BaseError(std::string message) : message_(std::move(message)) {}
    BaseError(const BaseError&) = default;
    BaseError(BaseError&&) = default;
    BaseError& operator=(const BaseError&) = default;
    BaseError& operator=(BaseError&&) = default;
    virtual ~BaseError() = default;

    [[nodiscard]] const char* what() const noexcept { return message_.c_str(); }

private:
    std::string message_;
};

/// A request to end the program with an exit code, thrown from anywhere inside a task.
class SystemExit : public BaseError {
public:
    explicit SystemExit(int code = 0) : BaseError("system exit " + std::to_string(code)), code_(code) {}
    [[nodiscard]] int code() const noexcept { return code_; }

private:
    int code_;
};

/// The user pressed Ctrl-C and nothing handled it more gently.
class KeyboardInterrupt : public BaseError {
public:
    KeyboardInterrupt() : BaseError("keyboard interrupt") {}
};

/// The call is not possible in the present state of things: wrong loop, closed loop, no running loop, misuse
/// of a group.
class RuntimeError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// A run call waits for something that can never come: every task waits, and no timer, no I/O, no call in a
/// thread or process and no other thread is left that could wake one of them. The message names each task and
/// what it waits for. A loop that is run by `run_forever` waits all the same, as asyncio's always does; and
/// so does every loop on Windows, where it is not known how many threads could still wake it.
class DeadlockError : public RuntimeError {
public:
    using RuntimeError::RuntimeError;
};

/// An argument has a value that the call cannot accept; the message names it.
class ValueError : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

/// A future was asked for something its state does not allow: a result while pending, a second result.
class InvalidStateError : public std::logic_error {
public:
    using std::logic_error::logic_error;
};

/// The time allowed has passed.
class TimeoutError : public std::runtime_error {
public:
    TimeoutError() : std::runtime_error("timed out") {}
    using std::runtime_error::runtime_error;
};

} // namespace aio
