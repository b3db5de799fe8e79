#pragma once

/// `WriteBufferLimits`: how much may wait to be sent before a writer is to pause, and when it may go on.

#include <cstddef>
#include <optional>

namespace aio {

/// The buffer marks of a writer.
class WriteBufferLimits {
public:
    WriteBufferLimits(std::size_t l, std::size_t h) noexcept : low_(l), high_(h) {}
    /// What `set_write_buffer_limits` makes of these: without a low mark a quarter of the high one, without a
    /// high one four times the low one, or 64 KiB. Throws `ValueError` if the low mark is above the high one.
    [[nodiscard]] static WriteBufferLimits of(std::optional<std::size_t> high,
                                              std::optional<std::size_t> low);
    [[nodiscard]] std::size_t low() const noexcept { return low_; }
    [[nodiscard]] std::size_t high() const noexcept { return high_; }
    friend bool operator==(const WriteBufferLimits&, const WriteBufferLimits&) = default;

private:
    std::size_t low_;
    std::size_t high_;
};

} // namespace aio
