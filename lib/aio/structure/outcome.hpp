#pragma once

/// `Outcome<T>`: how something ended, value or exception, as a value.

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/stored.hpp>
#include <aio/structure/exception_handlers.hpp>

namespace aio {

/// What `gather(return_exceptions, ...)` gives for each awaitable: its result, or the exception it ended
/// with, `CancelledError` included.
template <class T>
class Outcome {
public:
    /// A value (none for `void`).
    template <class... Args>
        requires std::is_constructible_v<detail::Stored<T>, Args...>
    explicit Outcome(std::in_place_t, Args&&... args) : value_(std::in_place, std::forward<Args>(args)...) {}
    /// A failure.
    explicit Outcome(std::exception_ptr error) noexcept : error_(std::move(error)) {}

    [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
    explicit operator bool() const noexcept { return has_value(); }

    /// The value; throws the exception if there is none.
    detail::ResultView<T> value() const& {
        if (error_) std::rethrow_exception(error_);
        return detail::view_stored<T>(*value_);
    }
    /// The value, moved out.
    T value() && {
        if (error_) std::rethrow_exception(error_);
        return detail::unwrap_stored<T>(std::move(*value_));
    }
    /// The exception, or null.
    [[nodiscard]] const std::exception_ptr& exception() const noexcept { return error_; }
    /// Whether it ended with an exception of type `E`.
    template <class E>
    [[nodiscard]] bool failed_with() const noexcept {
        return error_ != nullptr && detail::is_error<E>(error_);
    }

private:
    std::optional<detail::Stored<T>> value_;
    std::exception_ptr error_;
};

} // namespace aio
