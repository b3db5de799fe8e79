#include <aio/workers/large_payload.hpp>

#include <cstring>
#include <string>
#include <system_error>

#include <aio/workers/byte_reader.hpp>
#include <aio/workers/slab_arena.hpp>

namespace aio::detail {

std::uint16_t share_large_payload(ByteWriter& out, std::size_t start, BufferLink& link) {
    const std::size_t size = frame_payload_size(out, start);
    if (size < large_payload) return 0;
    SlabRef slab;
    try {
        slab = SlabArena::instance().acquire(size);
    } catch (const std::system_error&) {
        return 0;
    }
    if (!link.attach(slab)) return 0;
    std::memcpy(slab->slab().data(), out.bytes().data() + start + sizeof(FrameHeader), size);
    // Another writer, because this one has room for all that has gone.
    ByteWriter reference;
    reference.append(out.bytes().first(start));
    static_cast<void>(begin_frame(reference));
    reference.append_scalar(slab->slab().id());
    reference.append_scalar(static_cast<std::uint64_t>(size));
    out = std::move(reference);
    return FrameHeader::payload_is_shared;
}

ReceivedPayload::ReceivedPayload(const FrameView& frame, BufferLink& link) : bytes_(frame.payload()) {
    if (!frame.payload_is_shared()) return;
    ByteReader in(frame.payload());
    const auto id = in.read_scalar<std::uint64_t>();
    const auto size = in.read_scalar<std::uint64_t>();
    in.expect_end();
    slab_ = link.resolve(id);
    const Slab& slab = slab_->slab();
    if (size > slab.capacity())
        throw DecodeError("a message of " + std::to_string(size) + " bytes in shared memory that has " +
                          std::to_string(slab.capacity()));
    bytes_ = std::span<const std::byte>(slab.data(), static_cast<std::size_t>(size));
}

} // namespace aio::detail
