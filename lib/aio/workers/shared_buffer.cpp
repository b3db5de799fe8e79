#include <aio/workers/shared_buffer.hpp>

#include <utility>

#include <aio/workers/buffer_link.hpp>
#include <aio/workers/slab_arena.hpp>

namespace aio {

namespace {

enum class Form : std::uint8_t { contents, reference };

} // namespace

SharedBuffer::SharedBuffer(std::size_t bytes) {
    if (bytes == 0) return;
    slab_ = detail::SlabArena::instance().acquire(bytes);
    data_ = slab_->slab().data();
    size_ = bytes;
}

SharedBuffer::SharedBuffer(std::shared_ptr<detail::SlabLease> slab, std::size_t offset,
                           std::size_t bytes) noexcept
    : slab_(std::move(slab)), data_(slab_->slab().data() + offset), size_(bytes) {}

SharedBuffer SharedBuffer::slice(std::size_t offset, std::size_t count) const {
    if (offset > size_ || count > size_ - offset)
        throw ValueError("a slice of " + std::to_string(count) + " bytes at " + std::to_string(offset) +
                         " does not lie in a buffer of " + std::to_string(size_));
    SharedBuffer part;
    if (count == 0) return part;
    part = *this;
    part.data_ += offset;
    part.size_ = count;
    return part;
}

void SharedBuffer::resize(std::size_t bytes) {
    if (bytes > size_)
        throw ValueError("a buffer of " + std::to_string(size_) + " bytes cannot be resized to " +
                         std::to_string(bytes) + ": it can only become smaller");
    if (bytes == 0)
        *this = SharedBuffer();
    else
        size_ = bytes;
}

void SharedBuffer::expect_alignment(std::size_t alignment) const {
    if (reinterpret_cast<std::uintptr_t>(data_) % alignment != 0)
        throw ValueError("this slice of a buffer does not begin at a multiple of " +
                         std::to_string(alignment) + " bytes, as the elements asked for must");
}

void SharedBuffer::set_idle_limit(std::size_t bytes) { detail::SlabArena::instance().set_idle_limit(bytes); }

std::size_t SharedBuffer::idle_bytes() { return detail::SlabArena::instance().idle_bytes(); }

void Codec<SharedBuffer>::encode(ByteWriter& out, const SharedBuffer& buffer) {
    detail::BufferLink* const link = out.buffer_link();
    if (link != nullptr && !buffer.empty() && link->attach(buffer.slab_)) {
        const detail::Slab& slab = buffer.slab_->slab();
        out.append_scalar(Form::reference);
        out.append_scalar(static_cast<std::uint64_t>(buffer.size()));
        out.append_scalar(slab.id());
        out.append_scalar(static_cast<std::uint64_t>(buffer.data() - slab.data()));
    } else {
        out.append_scalar(Form::contents);
        out.append_scalar(static_cast<std::uint64_t>(buffer.size()));
        out.append(buffer.data(), buffer.size());
    }
}

SharedBuffer Codec<SharedBuffer>::decode(ByteReader& in) {
    const bool is_reference = in.read_flag("the form of a shared buffer");
    const auto size = in.read_scalar<std::uint64_t>();
    if (!is_reference) {
        if (size > in.remaining())
            throw DecodeError("a shared buffer of " + std::to_string(size) + " bytes exceeds the " +
                              std::to_string(in.remaining()) + " bytes left");
        return SharedBuffer::copy_of(in.read(static_cast<std::size_t>(size)));
    }
    const auto id = in.read_scalar<std::uint64_t>();
    const auto offset = in.read_scalar<std::uint64_t>();
    if (in.buffer_link() == nullptr)
        throw DecodeError("a reference to shared memory arrived where none can be sent");
    std::shared_ptr<detail::SlabLease> slab = in.buffer_link()->resolve(id);
    const std::size_t capacity = slab->slab().capacity();
    if (size == 0 || offset > capacity || size > capacity - offset)
        throw DecodeError("a reference to " + std::to_string(size) + " bytes at " + std::to_string(offset) +
                          " of shared memory, which has " + std::to_string(capacity));
    return SharedBuffer(std::move(slab), static_cast<std::size_t>(offset), static_cast<std::size_t>(size));
}

} // namespace aio
