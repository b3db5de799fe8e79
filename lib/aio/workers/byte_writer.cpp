#include <aio/workers/byte_writer.hpp>

#include <algorithm>

namespace aio {
namespace {

// A vector writes zeros where it makes room: that is worth while for many small pieces, and not for large
// ones.
constexpr std::size_t least_room = 64;
constexpr std::size_t most_room = std::size_t{64} << 10;

} // namespace

void ByteWriter::append_beyond_room(const void* data, std::size_t size) {
    const auto* const first = static_cast<const std::byte*>(data);
    bytes_.resize(used_);
    bytes_.insert(bytes_.end(), first, first + size);
    used_ = bytes_.size();
    if (size < most_room) bytes_.resize(used_ + std::clamp(used_, least_room, most_room));
}

} // namespace aio
