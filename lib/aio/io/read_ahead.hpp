#pragma once

/// Bytes that have come before anybody asked for them.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace aio::detail {

/// A FIFO of bytes in one piece of memory. There is none before the first bytes; when all have been taken, no
/// more than a few kilobytes are kept for the next ones.
class ReadAhead {
public:
    [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }
    [[nodiscard]] std::span<const std::byte> data() const noexcept {
        return {memory_.get() + begin_, size()};
    }

    /// Throws `std::bad_alloc`.
    void append(std::span<const std::byte> bytes);
    /// Drops bytes from the front.
    void consume(std::size_t count) noexcept;
    /// Moves bytes from the front to `to`; returns how many.
    std::size_t take(std::span<std::byte> to) noexcept {
        const std::size_t count = std::min(to.size(), size());
        std::memcpy(to.data(), memory_.get() + begin_, count);
        consume(count);
        return count;
    }

private:
    std::unique_ptr<std::byte[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

} // namespace aio::detail
