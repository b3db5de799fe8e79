#include <aio/executors/map_chunk.hpp>

#include <string>

#include <aio/core/errors.hpp>
#include <aio/workers/frame.hpp>
#include <aio/workers/remote_error.hpp>

#if defined(_WIN32)
#include <process.h>
#else
#include <unistd.h>
#endif

namespace aio::detail {
namespace {

/// The descriptions of errors must still fit.
constexpr std::size_t most_bytes = default_max_payload - (std::size_t{4} << 20);

std::int64_t process_id() {
#if defined(_WIN32)
    return ::_getpid();
#else
    return ::getpid();
#endif
}

/// The answer begins with the process, the time, and how many items there are.
constexpr std::size_t time_at = sizeof(std::int64_t);
constexpr std::size_t items_at = time_at + sizeof(std::int64_t);
constexpr std::size_t first_item_at = items_at + sizeof(std::uint32_t);
/// An item begins with whether it failed, and its length.
constexpr std::size_t item_head = 1 + sizeof(std::uint32_t);

} // namespace

MapAnswerWriter::MapAnswerWriter(ByteWriter& out)
    : out_(out), start_(out.size()), began_(std::chrono::steady_clock::now()) {
    out_.append_scalar(process_id());
    out_.append_scalar(std::int64_t{0});
    out_.append_scalar(std::uint32_t{0});
}

std::size_t MapAnswerWriter::begin() {
    const std::size_t start = out_.size();
    ++items_;
    out_.append_scalar(std::uint8_t{0});
    out_.append_scalar(std::uint32_t{0});
    return start;
}

void MapAnswerWriter::check_room(std::size_t start) const {
    // A first item has all the room that a call of its own would have.
    if (start == start_ + first_item_at || out_.size() - start_ <= most_bytes) return;
    throw RuntimeError("the results of a chunk of map take more than " + std::to_string(most_bytes) +
                       " bytes together: use a smaller chunksize");
}

void MapAnswerWriter::fail(std::size_t start) {
    out_.truncate(start);
    out_.append_scalar(std::uint8_t{1});
    out_.append_scalar(std::uint32_t{0});
    encode_current_exception(out_);
}

void MapAnswerWriter::finish(std::size_t start) {
    const auto size = static_cast<std::uint32_t>(out_.size() - start - item_head);
    out_.overwrite(start + 1, std::as_bytes(std::span(&size, 1)));
}

void MapAnswerWriter::end() {
    const std::int64_t took = std::chrono::nanoseconds(std::chrono::steady_clock::now() - began_).count();
    out_.overwrite(start_ + time_at, std::as_bytes(std::span(&took, 1)));
    out_.overwrite(start_ + items_at, std::as_bytes(std::span(&items_, 1)));
}

MapAnswerReader::MapAnswerReader(ByteReader& in)
    : in_(in),
      pid_(in.read_scalar<std::int64_t>()),
      took_(in.read_scalar<std::int64_t>()),
      items_(in.read_count(item_head)) {}

std::exception_ptr MapAnswerReader::decode_failure(std::span<const std::byte> bytes) const {
    ByteReader in(bytes);
    return decode_exception(in, pid_);
}

} // namespace aio::detail

namespace aio {

void Codec<detail::MapChunk>::encode(ByteWriter& out, const detail::MapChunk& chunk) {
    detail::BufferLink* const link = out.buffer_link();
    for (const detail::SlabRef& slab : chunk.buffers.slabs())
        if (link == nullptr || !link->attach(slab))
            throw EncodeError("shared buffers in a chunk of map go to the workers of a process pool only");
    out.append_count(chunk.bytes.size());
    out.append(chunk.bytes);
}

detail::MapChunk Codec<detail::MapChunk>::decode(ByteReader& in) {
    const std::span<const std::byte> bytes = in.read(in.read_count(1));
    return detail::MapChunk(detail::MapBytes(bytes.begin(), bytes.end()), detail::BufferList());
}

} // namespace aio
