#include "targets.hpp"

#include <aio/workers/frame.hpp>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace {

constexpr std::size_t limit = 512;

/// Puts the header's checksum right, in words of its own: this is the format, not the parser.
void repair(std::span<std::byte> stream) {
    constexpr std::size_t covered = offsetof(aio::FrameHeader, checksum);
    if (stream.size() < sizeof(aio::FrameHeader)) return;
    std::uint32_t sum = 2166136261U;
    for (const std::byte byte : stream.first(covered)) {
        sum = (sum ^ std::to_integer<std::uint32_t>(byte)) * 16777619U;
    }
    std::memcpy(stream.data() + covered, &sum, sizeof sum);
}

} // namespace

namespace fuzz {

void parse_frames(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const auto control = std::to_integer<unsigned>(bytes[0]);
    Bytes stream(bytes.begin() + 1, bytes.end());
    if ((control & 0x80U) != 0) repair(stream);
    const std::size_t piece = 1 + (control & 0x7FU);

    aio::FrameParser parser(limit);
    std::size_t used = 0;
    try {
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            parser.feed(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
            while (const auto frame = parser.next()) {
                require(frame->payload().size() <= limit, "no payload is longer than allowed");
                used += sizeof(aio::FrameHeader) + frame->payload().size();
                require(used <= at + piece, "no frame comes before its last byte");
            }
        }
        require(parser.is_mid_frame() == (used != stream.size()), "what is left over is part of a frame");
    } catch (const aio::ProtocolError&) {
        bool still = false;
        try {
            static_cast<void>(parser.next());
        } catch (const aio::ProtocolError&) {
            still = true;
        }
        require(still, "a broken stream stays broken");
    }
}

std::vector<Bytes> valid_frames() {
    std::vector<Bytes> inputs;
    for (const unsigned control : {0x80U, 0x07U, 0xFFU}) {
        aio::ByteWriter out;
        out.append_scalar(static_cast<std::uint8_t>(control));
        aio::append_frame(out, aio::FrameType::ready, 0, {});
        aio::append_frame(out, aio::FrameType::task, 7,
                          std::as_bytes(std::span(std::string_view("payload"))));
        aio::append_frame(out, aio::FrameType::result, 8, {});
        aio::append_frame(out, aio::FrameType::goodbye, 0, {});
        inputs.push_back(out.take());
    }
    aio::ByteWriter out;
    out.append_scalar(std::uint8_t{0xBF});
    aio::append_frame(out, aio::FrameType::error, 9, Bytes(limit));
    inputs.push_back(out.take());
    return inputs;
}

} // namespace fuzz
