#pragma once

/// What `StreamReader` and `StreamWriter` throw besides the system's errors.

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace aio {

/// The stream has ended before everything was there that was asked for (`asyncio.IncompleteReadError`).
class IncompleteReadError : public std::runtime_error {
public:
    IncompleteReadError(std::string partial, std::optional<std::size_t> expected)
        : std::runtime_error(std::to_string(partial.size()) + " bytes read on a total of " +
                             (expected ? std::to_string(*expected) : "undefined") + " expected bytes"),
          partial_(std::move(partial)),
          expected_(expected) {}

    /// What had come before the end. It is no longer in the stream.
    [[nodiscard]] const std::string& partial() const noexcept { return partial_; }
    /// How many bytes were to be read, where that is a number.
    [[nodiscard]] std::optional<std::size_t> expected() const noexcept { return expected_; }

private:
    std::string partial_;
    std::optional<std::size_t> expected_;
};

/// More has come without the separator than the reader's limit allows (`asyncio.LimitOverrunError`). All of
/// it is still in the stream.
class LimitOverrunError : public std::runtime_error {
public:
    LimitOverrunError(const std::string& message, std::size_t consumed)
        : std::runtime_error(message), consumed_(consumed) {}

    /// So many bytes at the front belong to what comes before the separator.
    [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

private:
    std::size_t consumed_;
};

/// A writer has not waited: more is in its buffer than the high-water mark allows.
class BufferError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

} // namespace aio
