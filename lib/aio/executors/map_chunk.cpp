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

/// The answer begins with the process and the time.
constexpr std::size_t time_at = sizeof(std::int64_t);
/// An item begins with whether it failed, and its length.
constexpr std::size_t item_head = 1 + sizeof(std::uint32_t);

} // namespace

MapAnswerWriter::MapAnswerWriter() : began_(std::chrono::steady_clock::now()) {
    out_.append_scalar(process_id());
    out_.append_scalar(std::int64_t{0});
}

std::size_t MapAnswerWriter::begin() {
    const std::size_t start = out_.size();
    out_.append_scalar(std::uint8_t{0});
    out_.append_scalar(std::uint32_t{0});
    return start;
}

void MapAnswerWriter::check_room(std::size_t start) const {
    // A first item has all the room that a call of its own would have.
    if (start == time_at + sizeof(std::int64_t) || out_.size() <= most_bytes) return;
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

MapBytes MapAnswerWriter::take() {
    const std::int64_t took = std::chrono::nanoseconds(std::chrono::steady_clock::now() - began_).count();
    out_.overwrite(time_at, std::as_bytes(std::span(&took, 1)));
    return out_.take();
}

MapAnswerReader::MapAnswerReader(std::span<const std::byte> answer)
    : in_(answer), pid_(in_.read_scalar<std::int64_t>()), took_(in_.read_scalar<std::int64_t>()) {}

std::exception_ptr MapAnswerReader::decode_failure(std::span<const std::byte> bytes) const {
    ByteReader in(bytes);
    return decode_exception(in, pid_);
}

} // namespace aio::detail
