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

/// The answer begins with the process, the time, whether there are buffers, and how many items there are.
constexpr std::size_t time_at = sizeof(std::int64_t);
constexpr std::size_t buffers_at = time_at + sizeof(std::int64_t);
constexpr std::size_t items_at = buffers_at + 1;
constexpr std::size_t first_item_at = items_at + sizeof(std::uint32_t);
/// An item begins with whether it failed, and its length.
constexpr std::size_t item_head = 1 + sizeof(std::uint32_t);

} // namespace

void MapChunk::skip(std::size_t items) {
    ByteReader in(this->items());
    for (std::size_t i = 0; i < items; ++i) static_cast<void>(in.read(in.read_count(1)));
    from_ = written_->bytes.size() - in.remaining();
}

SlabRef CountingLink::resolve(std::uint64_t) {
    throw DecodeError("a writer of results was asked for a shared buffer");
}

MapAnswerWriter::MapAnswerWriter(ByteWriter& out, MapJournal journal)
    : out_(out),
      start_(out.size()),
      journal_(std::move(journal)),
      usual_link_(out.buffer_link()),
      link_(usual_link_),
      began_(std::chrono::steady_clock::now()) {
    const std::int64_t pid = process_id();
    journal_.begin(pid);
    out_.append_scalar(pid);
    out_.append_scalar(std::int64_t{0});
    out_.append_scalar(std::uint8_t{0});
    out_.append_scalar(std::uint32_t{0});
    out_.set_buffer_link(&link_);
}

MapAnswerWriter::~MapAnswerWriter() { out_.set_buffer_link(usual_link_); }

std::size_t MapAnswerWriter::begin() {
    journal_.begin_item();
    const std::size_t start = out_.size();
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
    // Their order is kept: once one is not in the journal, no other is.
    journal_open_ = journal_open_ && !link_.attached() && journal_.add(out_.bytes().subspan(start));
    if (journal_open_)
        out_.truncate(start);
    else
        ++items_;
}

void MapAnswerWriter::end() {
    const std::int64_t took = std::chrono::nanoseconds(std::chrono::steady_clock::now() - began_).count();
    out_.overwrite(start_ + time_at, std::as_bytes(std::span(&took, 1)));
    const std::uint8_t has_buffers = link_.attached() ? 1 : 0;
    out_.overwrite(start_ + buffers_at, std::as_bytes(std::span(&has_buffers, 1)));
    out_.overwrite(start_ + items_at, std::as_bytes(std::span(&items_, 1)));
}

std::exception_ptr decode_map_failure(std::span<const std::byte> bytes, std::int64_t pid) {
    ByteReader in(bytes);
    return decode_exception(in, pid);
}

MapAnswerHead::MapAnswerHead(ByteReader& in)
    : pid(in.read_scalar<std::int64_t>()),
      took(in.read_scalar<std::int64_t>()),
      has_buffers(in.read_scalar<std::uint8_t>() != 0),
      items(in.read_count(item_head)) {}

} // namespace aio::detail

namespace aio {

void Codec<detail::MapChunk>::encode(ByteWriter& out, const detail::MapChunk& chunk) {
    detail::BufferLink* const link = out.buffer_link();
    for (const detail::SlabRef& slab : chunk.buffers().slabs())
        if (link == nullptr || !link->attach(slab))
            throw EncodeError("shared buffers in a chunk of map go to the workers of a process pool only");
    aio::encode(out, chunk.journal_memory());
    out.append_count(chunk.callable().size() + chunk.items().size());
    out.append(chunk.callable());
    out.append(chunk.items());
}

detail::MapChunk Codec<detail::MapChunk>::decode(ByteReader&) {
    throw DecodeError("a chunk of map is read where it lies");
}

} // namespace aio
