#pragma once
// Frames: what travels on the two pipes between the pool and one worker. A frame is a fixed header and a
// payload; one pipe carries the frames of one direction, one after another.
//
// A stream that breaks a rule once is broken for good: the parser never looks for the next good frame, its
// owner ends the worker instead. Both ends are processes of one host, so numbers keep their native form.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <aio/workers/byte_writer.hpp>

namespace aio {

/// The peer sent bytes that are no valid frame. Nothing that follows can be trusted.
class ProtocolError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

enum class FrameType : std::uint8_t {
    hello = 1,      ///< worker to pool, first of all: WorkerHello
    ready = 2,      ///< worker to pool: waiting for tasks; no payload
    task = 3,       ///< pool to worker: a call as written by `encode_call`
    result = 4,     ///< worker to pool: the encoded result of the task with the same id
    error = 5,      ///< worker to pool: what the task with the same id threw, by `encode_current_exception`
    goodbye = 6,    ///< pool to worker: leave when done; no payload
    initialize = 7, ///< pool to worker, first of all, if announced: a call to make before READY
    orders = 8,     ///< pool to worker, before the task with the same id: WorkerOrders
    stop = 9,       ///< pool to worker: the task with the same id is to stop; no payload
    usage = 10,     ///< worker to pool, before the result of the task with the same id: CallUsage
    item = 11,      ///< worker to pool: what the task with the same id has emitted, and an ItemTrailer
    credit = 12,    ///< pool to worker: the task with the same id may emit more: StreamCredit
    progress = 13,  ///< worker to pool: how far the task with the same id is: Progress
};

/// The header as it lies on the wire.
struct FrameHeader {
    std::uint32_t magic;
    std::uint8_t version;
    FrameType type;
    std::uint16_t flags;
    std::uint64_t task_id;
    std::uint32_t payload_length;
    std::uint32_t checksum; ///< over the bytes before it

    static constexpr std::uint32_t expected_magic =
        0x664F4941; ///< "AIOf" in memory on a little-endian machine
    static constexpr std::uint8_t expected_version = 1;

    /// Flag: with this answer the worker has sent notes about shared memory (see buffer_socket.hpp), and how
    /// many stands in an AnswerTrailer.
    static constexpr std::uint16_t has_buffer_notes = 1;
    /// Flag: the payload is a reference to memory that has the real one (see large_payload.hpp).
    static constexpr std::uint16_t payload_is_shared = 2;
};
static_assert(sizeof(FrameHeader) == 24 && std::is_trivially_copyable_v<FrameHeader>);

/// The payload of the HELLO frame.
struct WorkerHello {
    std::int64_t pid = 0;
    std::uint32_t pointer_size = sizeof(void*);
};

/// Payloads above this are refused unless the owner says otherwise.
inline constexpr std::size_t default_max_payload = std::size_t{64} << 20;

/// No limit may be lower: the description of an error must always fit.
inline constexpr std::size_t smallest_max_payload = 4096;

/// One whole frame, as seen in the parser's buffer.
class FrameView {
public:
    FrameView(const FrameHeader& header, std::span<const std::byte> payload) noexcept
        : header_(header), payload_(payload) {}

    [[nodiscard]] FrameType type() const noexcept { return header_.type; }
    [[nodiscard]] std::uint64_t task_id() const noexcept { return header_.task_id; }
    [[nodiscard]] bool has_buffer_notes() const noexcept {
        return (header_.flags & FrameHeader::has_buffer_notes) != 0;
    }
    [[nodiscard]] bool payload_is_shared() const noexcept {
        return (header_.flags & FrameHeader::payload_is_shared) != 0;
    }

    /// Valid until the parser is fed again or destroyed.
    [[nodiscard]] std::span<const std::byte> payload() const noexcept { return payload_; }

    [[nodiscard]] const FrameHeader& header() const noexcept { return header_; }

    /// The last bytes of the payload. Throws ProtocolError if it has not so many.
    template <class Trailer>
    [[nodiscard]] Trailer trailer() const {
        static_assert(std::is_trivially_copyable_v<Trailer>);
        if (payload_.size() < sizeof(Trailer)) throw ProtocolError("a frame has been cut off");
        Trailer trailer;
        std::memcpy(&trailer, payload_.last(sizeof trailer).data(), sizeof trailer);
        return trailer;
    }
    /// The same frame without the last `size` bytes of its payload, which has that many.
    [[nodiscard]] FrameView without_trailer(std::size_t size) const noexcept {
        return FrameView(header_, payload_.first(payload_.size() - size));
    }

private:
    FrameHeader header_;
    std::span<const std::byte> payload_;
};

/// Appends a whole frame to `out`, as it came from a parser.
void append_frame(ByteWriter& out, const FrameView& frame);

/// Appends a whole frame to `out`. Throws EncodeError when the payload does not fit 32 bits.
void append_frame(ByteWriter& out, FrameType type, std::uint64_t task_id, std::span<const std::byte> payload);

/// Starts a frame whose payload is then written to `out` directly, without a copy: leaves room for the header
/// and returns where it is, for `finish_frame` once the payload is complete. To give up instead,
/// `out.truncate(start)`.
[[nodiscard]] std::size_t begin_frame(ByteWriter& out);

/// Completes the frame begun at `start`, whose payload is everything written since. Throws EncodeError when
/// that does not fit 32 bits.
void finish_frame(ByteWriter& out, std::size_t start, FrameType type, std::uint64_t task_id,
                  std::uint16_t flags = 0);

/// The size of the payload written since `begin_frame` returned `start`.
[[nodiscard]] std::size_t frame_payload_size(const ByteWriter& out, std::size_t start) noexcept;

/// Cuts a stream of bytes into frames, whatever pieces it arrives in.
///
///     parser.feed(received);
///     while (auto frame = parser.next()) { ... }
///
/// The buffer grows with what was received and never with what a header announces. After a ProtocolError
/// every further call throws it again. Not thread-safe.
class FrameParser {
public:
    /// `max_payload` in bytes: a frame that announces more is a ProtocolError.
    explicit FrameParser(std::size_t max_payload = default_max_payload) noexcept
        : max_payload_(max_payload) {}

    /// Adds received bytes. Invalidates all FrameViews. Throws ProtocolError if the stream is already broken.
    void feed(std::span<const std::byte> bytes);

    /// The next whole frame, or nothing until more bytes are fed. Throws ProtocolError on a header that is
    /// wrong in its magic number, version, type, flags, length or checksum; it is checked as soon as it is
    /// complete.
    [[nodiscard]] std::optional<FrameView> next();

    /// True when the stream stands inside a frame: an end of file here means that the peer died while it was
    /// sending.
    [[nodiscard]] bool is_mid_frame() const noexcept { return buffer_.size() != consumed_; }

    /// Takes out what has been fed and not been given as frames. The last FrameView stays valid.
    [[nodiscard]] std::vector<std::byte> take_rest();

private:
    FrameHeader read_header();
    [[noreturn]] void fail(const std::string& reason);

    std::vector<std::byte> buffer_;
    std::size_t consumed_ = 0;
    std::size_t max_payload_;
    std::string failure_;
};

} // namespace aio
