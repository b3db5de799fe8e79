#pragma once

/// Bytes that have been received and not yet passed on.

#include <cstddef>
#include <memory>
#include <span>

namespace aio::detail {

/// One piece of memory, for a receiver that is given everything at once. Small reads are copied out of the
/// loop's shared memory; once much comes at a time this has memory of its own that is read into directly.
/// While the sizes stay about the same nothing is allocated. An idle one holds at most 4 KiB.
class ReceiveBuffer {
public:
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Where to read to: in `shared` or in here; nothing when enough is here already.
    [[nodiscard]] std::span<std::byte> room(std::span<std::byte> shared) noexcept;
    /// Bytes have come, in memory that `room` gave or elsewhere. Throws `std::bad_alloc`.
    void received(std::span<const std::byte> data);

    /// All bytes, which are then no longer counted as here. They stay where they are until `recycle`, and
    /// nothing may be received meanwhile.
    [[nodiscard]] std::span<const std::byte> take() noexcept;
    /// Some of those that `take` gave are still here: the last ones of them, in place.
    void put_back(std::span<const std::byte> rest) noexcept;
    /// The bytes that `take` gave are needed no more: makes the memory ready for what is likely to come.
    void recycle() noexcept;

private:
    void grow(std::size_t capacity);

    std::unique_ptr<std::byte[]> memory_;
    std::size_t capacity_ = 0;
    std::size_t size_ = 0;
    std::size_t taken_ = 0;
};

} // namespace aio::detail
