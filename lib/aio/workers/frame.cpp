#include <aio/workers/frame.hpp>

#include <cstddef>
#include <cstring>
#include <limits>

namespace aio {

namespace {

/// One large message should not hold its memory for as long as the worker lives.
constexpr std::size_t keep_capacity = std::size_t{1} << 20;

/// FNV-1a: one changed byte always changes the sum.
std::uint32_t checksum_of(const FrameHeader& header) noexcept {
    const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
    std::uint32_t sum = 2166136261U;
    for (std::size_t i = 0; i < offsetof(FrameHeader, checksum); ++i) {
        sum = (sum ^ bytes[i]) * 16777619U;
    }
    return sum;
}

bool has_payload(FrameType type) noexcept {
    return type != FrameType::ready && type != FrameType::goodbye && type != FrameType::stop;
}

std::uint16_t known_flags(FrameType type) noexcept {
    switch (type) {
    case FrameType::task:
    case FrameType::item: return FrameHeader::payload_is_shared;
    case FrameType::result: return FrameHeader::payload_is_shared | FrameHeader::has_buffer_notes;
    case FrameType::error: return FrameHeader::has_buffer_notes;
    default: return 0;
    }
}

FrameHeader make_header(FrameType type, std::uint64_t task_id, std::size_t length, std::uint16_t flags) {
    if (length > std::numeric_limits<std::uint32_t>::max()) {
        throw EncodeError("a message of " + std::to_string(length) + " bytes does not fit a frame");
    }
    FrameHeader header{FrameHeader::expected_magic,
                       FrameHeader::expected_version,
                       type,
                       flags,
                       task_id,
                       static_cast<std::uint32_t>(length),
                       0};
    header.checksum = checksum_of(header);
    return header;
}

} // namespace

void append_frame(ByteWriter& out, FrameType type, std::uint64_t task_id,
                  std::span<const std::byte> payload) {
    const FrameHeader header = make_header(type, task_id, payload.size(), 0);
    out.append(&header, sizeof header);
    out.append(payload);
}

void append_frame(ByteWriter& out, const FrameView& frame) {
    out.append(&frame.header(), sizeof(FrameHeader));
    out.append(frame.payload());
}

std::size_t begin_frame(ByteWriter& out) {
    const std::size_t start = out.size();
    const FrameHeader room{};
    out.append(&room, sizeof room);
    return start;
}

void finish_frame(ByteWriter& out, std::size_t start, FrameType type, std::uint64_t task_id,
                  std::uint16_t flags) {
    const FrameHeader header = make_header(type, task_id, frame_payload_size(out, start), flags);
    out.overwrite(start, std::as_bytes(std::span(&header, 1)));
}

std::size_t frame_payload_size(const ByteWriter& out, std::size_t start) noexcept {
    return out.size() - start - sizeof(FrameHeader);
}

void FrameParser::feed(std::span<const std::byte> bytes) {
    if (!failure_.empty()) {
        throw ProtocolError(failure_);
    }
    if (consumed_ == buffer_.size()) {
        if (buffer_.capacity() > keep_capacity) {
            buffer_ = {};
        }
        buffer_.clear();
        consumed_ = 0;
    } else if (consumed_ > buffer_.size() / 2) {
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
        consumed_ = 0;
    }
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

std::optional<FrameView> FrameParser::next() {
    if (!failure_.empty()) {
        throw ProtocolError(failure_);
    }
    if (buffer_.size() - consumed_ < sizeof(FrameHeader)) {
        return std::nullopt;
    }
    const FrameHeader header = read_header();
    const std::size_t available = buffer_.size() - consumed_ - sizeof header;
    if (available < header.payload_length) {
        return std::nullopt;
    }
    const auto payload =
        std::span<const std::byte>(buffer_).subspan(consumed_ + sizeof header, header.payload_length);
    consumed_ += sizeof header + header.payload_length;
    return FrameView(header, payload);
}

std::vector<std::byte> FrameParser::take_rest() {
    const auto from = buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_);
    std::vector<std::byte> rest(from, buffer_.end());
    buffer_.erase(from, buffer_.end());
    return rest;
}

FrameHeader FrameParser::read_header() {
    FrameHeader header;
    std::memcpy(&header, buffer_.data() + consumed_, sizeof header);
    if (header.magic != FrameHeader::expected_magic) {
        fail("magic number " + std::to_string(header.magic));
    }
    if (header.checksum != checksum_of(header)) {
        fail("checksum of the header");
    }
    if (header.version != FrameHeader::expected_version) {
        fail("version " + std::to_string(header.version));
    }
    if (header.type < FrameType::hello || header.type > FrameType::progress) {
        fail("type " + std::to_string(static_cast<int>(header.type)));
    }
    if ((header.flags & ~known_flags(header.type)) != 0) {
        fail("flags " + std::to_string(header.flags));
    }
    if (header.payload_length > max_payload_) {
        fail("length " + std::to_string(header.payload_length) + ", the limit is " +
             std::to_string(max_payload_));
    }
    if (header.payload_length != 0 && !has_payload(header.type)) {
        fail("length " + std::to_string(header.payload_length) + " of a message without content");
    }
    return header;
}

void FrameParser::fail(const std::string& reason) {
    failure_ = "wrong frame from the other process: " + reason;
    throw ProtocolError(failure_);
}

} // namespace aio
