#include <aio/workers/frame.hpp>

#include <doctest/doctest.h>

namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::byte> three_frames() {
    aio::ByteWriter out;
    aio::append_frame(out, aio::FrameType::task, 1, bytes_of("first"));
    aio::append_frame(out, aio::FrameType::goodbye, 0, {});
    const std::size_t start = aio::begin_frame(out);
    out.append(bytes_of("third"));
    aio::finish_frame(out, start, aio::FrameType::result, 3);
    return out.take();
}

} // namespace

TEST_CASE("frame: frames come out as they went in, in whatever pieces they arrive") {
    const std::vector<std::byte> stream = three_frames();
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        aio::FrameParser parser;
        std::vector<std::string> seen;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            parser.feed(std::span(stream).subspan(at, std::min(piece, stream.size() - at)));
            while (const auto frame = parser.next()) {
                seen.push_back(std::to_string(static_cast<int>(frame->type())) + ":" +
                               std::to_string(frame->task_id()) + ":" + text_of(frame->payload()));
            }
        }
        CHECK(seen == std::vector<std::string>{"3:1:first", "6:0:", "4:3:third"});
        CHECK(!parser.is_mid_frame());
    }
}

TEST_CASE("frame: a stream that ends inside a frame is noticed") {
    const std::vector<std::byte> stream = three_frames();
    aio::FrameParser parser;
    parser.feed(std::span(stream).first(stream.size() - 1));
    while (parser.next()) {
    }
    CHECK(parser.is_mid_frame());
}

TEST_CASE("frame: every changed byte of a header is an error, and the stream stays broken") {
    aio::ByteWriter out;
    aio::append_frame(out, aio::FrameType::task, 1, bytes_of("payload"));
    const std::vector<std::byte> good(out.bytes().begin(), out.bytes().end());
    for (std::size_t at = 0; at < sizeof(aio::FrameHeader); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::vector<std::byte> bad = good;
            bad[at] ^= std::byte(1U << bit);
            aio::FrameParser parser;
            parser.feed(bad);
            CHECK_THROWS_AS(static_cast<void>(parser.next()), aio::ProtocolError);
            CHECK_THROWS_AS(static_cast<void>(parser.next()), aio::ProtocolError);
            CHECK_THROWS_AS(parser.feed(good), aio::ProtocolError);
        }
    }
}

TEST_CASE("frame: a payload above the limit is refused as soon as it is announced") {
    aio::ByteWriter out;
    aio::append_frame(out, aio::FrameType::task, 1, std::vector<std::byte>(100));
    aio::FrameParser parser(99);
    parser.feed(out.bytes().first(sizeof(aio::FrameHeader)));
    CHECK_THROWS_WITH_AS(static_cast<void>(parser.next()),
                         "wrong frame from the other process: length 100, the limit is 99",
                         aio::ProtocolError);
}

TEST_CASE("frame: types that do not exist and content where none belongs are refused") {
    aio::ByteWriter unknown;
    aio::append_frame(unknown, static_cast<aio::FrameType>(77), 1, {});
    aio::FrameParser first;
    first.feed(unknown.bytes());
    CHECK_THROWS_AS(static_cast<void>(first.next()), aio::ProtocolError);

    aio::ByteWriter filled;
    aio::append_frame(filled, aio::FrameType::goodbye, 1, bytes_of("x"));
    aio::FrameParser second;
    second.feed(filled.bytes());
    CHECK_THROWS_AS(static_cast<void>(second.next()), aio::ProtocolError);
}
