#pragma once

/// A connected stream of bytes: what `Tcp` and `Pipe` have in common.
///
/// Reading is started once and stays on: data comes in by callback, either into memory that the reader offers
/// or into the loop's shared buffer. A reader that has no room says so and is paused; only then does libuv
/// touch the system's poll set. Writing tries at once (`try_write`), and what did not fit is queued: however
/// many calls queue something, one request is in flight, and what has been queued meanwhile leaves together
/// in the next. The bytes in flight belong to a block that outlives this object.
///
/// All callbacks come on the loop's thread and never from inside a call. After `close`, `reset` or the
/// destructor none comes any more, not even for operations that were started: libuv would report some of them
/// as cancelled and others not at all, so whoever waits is told by whoever closes.

#include <cstddef>
#include <span>
#include <utility>

#include <aio/uv/completion.hpp>

namespace aio::uv {

namespace detail {
struct StreamBlock;
}

/// Receives what a stream reads.
class StreamReader {
public:
    /// Memory for the next bytes: `shared`, a part of it, or memory of the reader's own, which saves a copy;
    /// an empty span pauses reading until `Stream::start_reading`. Must not close the stream. Offer more than
    /// is expected: a read that fills its memory exactly is followed by a second one.
    virtual std::span<std::byte> room(std::span<std::byte> shared) noexcept = 0;
    /// Bytes have come, at the start of the memory that `room` gave. If that was the shared buffer they must
    /// be copied before this returns.
    virtual void received(std::span<const std::byte> data) noexcept = 0;
    /// Reading has ended: 0 at the end of the stream, or a negative libuv error. Writing may go on after the
    /// former.
    virtual void ended(int status) noexcept = 0;

protected:
    StreamReader() = default;
    ~StreamReader() = default;
};

/// How the direction of writing can be ended: of a socket by `Stream::shutdown`, of a pipe's end for writing
/// by closing it, of a terminal or another device not at all.
enum class EndOfWriting { by_shutdown, by_closing, impossible };

/// Owns a stream handle; move-only. Made as a `Tcp` or a `Pipe`.
class Stream {
public:
    /// The most bytes that `queue` should be used for before the writer waits, and what `write` is for beyond
    /// that.
    static constexpr std::size_t default_high_water = 64 * 1024;

    Stream(Stream&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Stream& operator=(Stream&& other) noexcept {
        Stream taken(std::move(other));
        std::swap(block_, taken.block_);
        return *this;
    }
    /// As `close`.
    ~Stream() { close(); }

    [[nodiscard]] bool is_open() const noexcept { return block_ != nullptr; }

    // --- reading ---

    /// Who receives; set it before reading starts. It must live until it is replaced or the stream closed.
    void set_reader(StreamReader& reader) noexcept;
    /// Begins to read, or goes on after a pause. Returns 0 or a negative libuv error. Costs nothing when
    /// reading is on already.
    int start_reading() noexcept;

    // --- writing ---

    /// Hands to the system what it takes at once and returns how many bytes that was: fewer than all, or 0,
    /// when its buffer is full or something is queued. A negative libuv error when the stream is broken, from
    /// then on.
    int try_write(std::span<const std::byte> data) noexcept;
    /// The same for two pieces that belong together, as one system call: a header and a body.
    int try_write(std::span<const std::byte> first, std::span<const std::byte> second) noexcept;
    /// Copies bytes and sends them behind what is queued. Returns 0 or a negative libuv error. Throws
    /// `std::bad_alloc`.
    int queue(std::span<const std::byte> data);
    /// Sends the caller's bytes behind what is queued. They must stay as they are until `done` has been
    /// called or the stream closed. One such call at a time. No bytes at all: `done` tells that everything
    /// queued before has been handed to the system. On a negative result `done` is not called.
    int write(std::span<const std::byte> data, Completion& done) noexcept;
    /// Bytes accepted and not yet handed to the system.
    [[nodiscard]] std::size_t write_queue_size() const noexcept;
    /// Ends the write direction once everything queued has been sent; reading goes on. `done` is told an
    /// error if some of it could not be. Where only closing ends it, `done` comes when that may be done. On a
    /// negative result `done` is not called.
    int shutdown(Completion& done) noexcept;
    /// How that can be done, as the system says now.
    [[nodiscard]] EndOfWriting end_of_writing() const noexcept;
    /// Has `progress` called each time when a part of what was queued has been handed to the system, or could
    /// not be, and `write_queue_size` has changed. It may close the stream.
    void set_write_observer(Callback progress) noexcept;
    /// What has broken the write direction, a negative libuv error, or 0.
    [[nodiscard]] int write_error() const noexcept;

    // --- closing ---

    /// Closes the stream. Bytes of `queue` that are on their way are still sent, in the background; bytes
    /// borrowed by `write` are not touched any more. No callback comes after this.
    void close() noexcept;
    /// Closes the stream and drops what is queued.
    void abort() noexcept;

    /// The system's descriptor (on Windows its handle), or -1 where there is none.
    [[nodiscard]] int descriptor() const noexcept;

protected:
    friend struct detail::StreamBlock;
    explicit Stream(detail::StreamBlock* block) noexcept : block_(block) {}
    detail::StreamBlock* block_;
};

} // namespace aio::uv
