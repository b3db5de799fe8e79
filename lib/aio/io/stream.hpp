#pragma once

/// `Stream`: a two-way stream of bytes between two processes, whatever carries it.
///
///     std::array<std::byte, 4096> memory;
///     while (const std::size_t count = co_await stream.read_some(memory))
///         co_await stream.write_all(std::span(memory).first(count));
///
/// This is the bottom floor: spans of bytes in the caller's memory, no framing. An await that finds its bytes
/// there, or its write taken by the system at once, does not suspend; now and then it does all the same, so
/// that one busy connection cannot keep the loop to itself. Reading and writing are independent: one task may
/// read while another writes. Two readers, or two writers, at the same time are a mistake and get a
/// `RuntimeError`.

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/io/stream_awaiters.hpp>
#include <aio/io/stream_state.hpp>

namespace aio {

class Transport;

namespace detail {

class StreamLink;
class TlsMaker;

/// What `read_some` returns, until it is awaited.
class ReadOperation {
public:
    ReadOperation(StreamState& stream, std::span<std::byte> memory) noexcept
        : stream_(&stream), memory_(memory) {}
    ReadAwaiter operator co_await() const noexcept { return ReadAwaiter(*stream_, memory_); }

private:
    StreamState* stream_;
    std::span<std::byte> memory_;
};

/// What `write_all` returns, until it is awaited.
class WriteOperation {
public:
    WriteOperation(StreamState& stream, std::span<const std::byte> data) noexcept
        : stream_(&stream), data_(data) {}
    WriteAwaiter operator co_await() const noexcept { return WriteAwaiter(*stream_, data_); }

private:
    StreamState* stream_;
    std::span<const std::byte> data_;
};

/// What `shutdown_write` returns, until it is awaited.
class ShutdownOperation {
public:
    explicit ShutdownOperation(StreamState& stream) noexcept : stream_(&stream) {}
    ShutdownAwaiter operator co_await() const noexcept { return ShutdownAwaiter(*stream_); }

private:
    StreamState* stream_;
};

/// Adopts a descriptor without looking what it is: who has made it knows.
struct KnownKind {
    explicit KnownKind() = default;
};

} // namespace detail

/// A connected stream; move-only. Made as a `TcpStream` or a `PipeStream`; functions that do not care take a
/// `Stream&`. Belongs to the loop it was made on, and is closed with it. Destroying it closes it.
class Stream {
public:
    Stream(Stream&&) noexcept = default;
    Stream& operator=(Stream&&) noexcept = default;
    ~Stream() = default;

    /// Reads what is there, at least one byte and at most `memory.size()`, and gives the number; 0 at the end
    /// of the stream (or for no memory). The memory must stay until the await has ended. Memory of 4 KiB and
    /// more is read into without a copy. Throws `std::system_error` when the connection breaks, or when the
    /// stream is closed. Cancelling loses nothing: bytes that have not been returned stay in the stream.
    [[nodiscard]] detail::ReadOperation read_some(std::span<std::byte> memory) {
        return detail::ReadOperation(state(), memory);
    }

    /// Sends all bytes, in order. Returns when the system has taken them, or has taken so many that the rest,
    /// at most 64 KiB, could be copied to be sent in the background: so a reader that is slow makes its
    /// writer wait. Throws `std::system_error` when the connection is broken, also if that befell earlier
    /// bytes; `RuntimeError` after `shutdown_write`. Cancelling a write that waits lets it finish first,
    /// within a second; after that, or when it is cancelled again, the stream is closed, because nobody could
    /// know how much of the data the peer got.
    [[nodiscard]] detail::WriteOperation write_all(std::span<const std::byte> data) {
        return detail::WriteOperation(state(), data);
    }

    /// Ends the write direction, after everything written has been sent: the peer reads the end of the stream
    /// and may still send. A pipe's end for writing is closed then. Does nothing the second time. Throws
    /// `std::system_error`: not_supported for terminals and other devices. Cancelling does not undo it.
    [[nodiscard]] detail::ShutdownOperation shutdown_write() { return detail::ShutdownOperation(state()); }

    /// Closes the stream at once. Who waits in it gets a `std::system_error` (operation_canceled). Bytes of a
    /// `write_all` that has returned are still sent, in the background, while the loop runs; those of one
    /// that waits are not, and when it had sent a part of them the peer reads no more than that. A peer that
    /// sends what nobody reads, as each server of TLS 1.3 does, may lose what is on its way: the system
    /// resets the connection then. `StreamWriter::close` waits for the peer's end of TLS; here
    /// `shutdown_write` and reading to the end do.
    void close() noexcept {
        if (state_) state_->close();
    }
    /// Closes the stream and drops what has not been sent.
    void abort() noexcept {
        if (state_) state_->abort();
    }
    [[nodiscard]] bool is_open() const noexcept { return state_ != nullptr && state_->is_open(); }
    /// Bytes of finished writes that the system has not taken yet.
    [[nodiscard]] std::size_t write_queue_size() const noexcept {
        return is_open() ? state_->write_queue_size() : 0;
    }

protected:
    explicit Stream(std::unique_ptr<detail::StreamState> state) noexcept : state_(std::move(state)) {}
    /// Throws `RuntimeError` if the stream has been moved from.
    [[nodiscard]] detail::StreamState& state() const {
        if (!state_) throw RuntimeError("this stream has been moved from");
        return *state_;
    }

private:
    friend detail::StreamLink;
    friend detail::TlsMaker;
    friend Transport;
    std::unique_ptr<detail::StreamState> state_;
};

} // namespace aio
