#pragma once
/// What happens to the payload of a frame that is too large for a pipe: it travels in shared memory, and the
/// frame has a reference in its place.
///
/// A pipe carries 64 KiB at a time, and the two processes take turns at every piece, while the receiver's
/// buffer grows. Shared memory that has been used before takes one copy in, and is read where it lies.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include <aio/workers/buffer_link.hpp>
#include <aio/workers/byte_writer.hpp>
#include <aio/workers/frame.hpp>

namespace aio::detail {

/// Payloads from this size on do not go through the pipe, if it can be helped.
inline constexpr std::size_t large_payload = std::size_t{256} << 10;

/// If the payload of the frame begun at `start`, the last one of `out`, is large, moves it to shared memory
/// that goes by `link`, and leaves the reference. Gives the flags for `finish_frame`. Where there is no such
/// memory, everything stays as it is.
[[nodiscard]] std::uint16_t share_large_payload(ByteWriter& out, std::size_t start, BufferLink& link);

/// The payload of a frame, wherever it lies.
class ReceivedPayload {
public:
    /// Throws what `link` throws for a reference that leads nowhere, and `DecodeError` for one that leads
    /// beyond the memory.
    ReceivedPayload(const FrameView& frame, BufferLink& link);

    /// Valid as long as this and the frame.
    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }

private:
    std::shared_ptr<SlabLease> slab_;
    std::span<const std::byte> bytes_;
};

} // namespace aio::detail
