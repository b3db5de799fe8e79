#pragma once
/// BufferLink: the way beside the bytes on which shared buffers travel.
///
/// A writer that has a link writes a buffer as a reference, and the link sees to it that the other process
/// has the memory. Without one, which is the ordinary case, the contents are written like those of a vector.

#include <cstdint>
#include <memory>

namespace aio::detail {

class SlabLease;

/// Belongs to whoever encodes or decodes; writers and readers only point to it.
class BufferLink {
public:
    /// Has the slab sent along. False when it cannot be; its contents are then to be written instead.
    [[nodiscard]] virtual bool attach(const std::shared_ptr<SlabLease>& slab) = 0;
    /// The slab of that number. Throws `DecodeError` when the other process has no business with it, and the
    /// reason why the memory could not be taken in.
    [[nodiscard]] virtual std::shared_ptr<SlabLease> resolve(std::uint64_t id) = 0;

protected:
    BufferLink() = default;
    BufferLink(const BufferLink&) = default;
    BufferLink(BufferLink&&) noexcept = default;
    BufferLink& operator=(const BufferLink&) = default;
    BufferLink& operator=(BufferLink&&) noexcept = default;
    ~BufferLink() = default;
};

} // namespace aio::detail
