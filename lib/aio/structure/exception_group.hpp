#pragma once

/// `ExceptionGroup`: several exceptions thrown together (`ExceptionGroup` in Python, PEP 654).
///
/// What a task group throws when children fail: none of their errors is lost. Groups nest, as groups of tasks
/// do.

#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace aio {

/// An exception that carries others, in the order in which they happened.
class ExceptionGroup : public std::exception {
public:
    /// Throws `ValueError` if there are no exceptions, or one of them is null.
    ExceptionGroup(std::string message, std::vector<std::exception_ptr> exceptions);

    /// The message, the number of exceptions, and one line for each.
    [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
    [[nodiscard]] const std::string& message() const noexcept { return message_; }
    [[nodiscard]] const std::vector<std::exception_ptr>& exceptions() const noexcept { return exceptions_; }

private:
    std::string message_;
    std::vector<std::exception_ptr> exceptions_;
    std::string what_;
};

namespace detail {

/// How control flow treats an exception.
enum class ExceptionKind { none, cancelled, base, ordinary };
[[nodiscard]] ExceptionKind kind_of(const std::exception_ptr& error) noexcept;

} // namespace detail
} // namespace aio
