#pragma once

/// `StreamWriter`: writes to a stream (`asyncio.StreamWriter`).
///
///     writer.write("GET / HTTP/1.0\r\n\r\n");
///     co_await writer.drain();
///     co_await writer.write_all(body);        // both in one
///     writer.close();
///     co_await writer.wait_closed();
///
/// `write` hands to the system what it takes at once, and copies the rest into a buffer that is sent in the
/// background. When more than the high-water mark, 64 KiB, waits there, `drain` waits until it is no more
/// than the low-water mark: a peer that reads slowly makes its writers wait. A writer that does not wait is
/// stopped all the same, at the mark and not by the memory: `write` then throws `BufferError`. A write that
/// begins below the mark is always taken whole, however large.

#include <concepts>
#include <cstddef>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/io/stream_link.hpp>
#include <aio/io/tls_info.hpp>
#include <aio/io/write_buffer_limits.hpp>

namespace aio {

using Address = uv::Address;

/// The writing side of a connection; move-only. Made with its reader as a `StreamConnection`. Destroying it
/// closes the connection, as `close` does: what has been written is still sent.
class StreamWriter {
public:
    StreamWriter(StreamWriter&&) noexcept = default;
    /// Closes what it wrote to, as `close` does.
    StreamWriter& operator=(StreamWriter&& other) noexcept {
        StreamWriter taken(std::move(other));
        std::swap(link_, taken.link_);
        return *this;
    }
    ~StreamWriter() {
        if (link_) link_->close();
    }

    // --- writing ---

    /// Sends bytes, in order, without waiting. Throws `BufferError`, and takes nothing, when more than the
    /// high-water mark waits to be sent; `std::system_error` when the connection has broken or been closed;
    /// `RuntimeError` after `write_eof`, and while another task waits in `write_all`.
    void write(std::span<const std::byte> data) { link().write(data); }
    void write(std::string_view text) { link().write(std::as_bytes(std::span(text))); }
    /// The same for several pieces that belong together: texts, or vectors of bytes.
    template <std::ranges::input_range Range>
    void writelines(const Range& pieces) {
        std::string all;
        for (const auto& piece : pieces) {
            const auto bytes = std::as_bytes(std::span(piece));
            all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        }
        write(all);
    }

    /// Awaited, waits as long as too much is in the buffer. Any number of tasks may wait. Throws
    /// `std::system_error` when the connection has broken, in either direction, or is closed; with
    /// connection_reset in the last case. Cancelling ends the wait; what has been written is sent all the
    /// same.
    [[nodiscard]] detail::LinkOperation<detail::DrainWait> drain() {
        return detail::LinkOperation<detail::DrainWait>(detail::Ref<detail::StreamLink>(&link()));
    }

    /// Sends all bytes, and waits until the system has taken them but for a rest that could be copied: see
    /// `Stream::write_all`, also for what cancelling does. The bytes must stay until the await has ended. One
    /// task at a time.
    [[nodiscard]] detail::WriteOperation write_all(std::span<const std::byte> data) {
        link().check_writable("write_all");
        return detail::WriteOperation(link().state(), data);
    }
    [[nodiscard]] detail::WriteOperation write_all(std::string_view text) {
        return write_all(std::as_bytes(std::span(text)));
    }

    /// Ends the write direction, once everything written has been sent: the peer reads the end of the stream
    /// and may still send. A pipe's end for writing is closed then, as by `close`. Does nothing the second
    /// time. Throws `std::system_error` when the connection has broken or been closed, and where it is not
    /// possible (not_supported).
    void write_eof() { link().write_eof(); }
    /// Whether `write_eof` is possible: not for terminals and other devices.
    [[nodiscard]] bool can_write_eof() const {
        return link().state().end_of_writing() != uv::EndOfWriting::impossible;
    }

    // --- the buffer ---

    /// Sets the marks. Without a low one it is a quarter of the high one; without a high one that is four
    /// times the low one, or 64 KiB. With a high mark of 0 each write has to be waited for. Throws
    /// `ValueError` if the low mark is above the high one.
    void set_write_buffer_limits(std::optional<std::size_t> high = std::nullopt,
                                 std::optional<std::size_t> low = std::nullopt) {
        link().set_marks(high, low);
    }
    [[nodiscard]] WriteBufferLimits get_write_buffer_limits() const {
        return WriteBufferLimits(link().low(), link().high());
    }
    /// Bytes that wait to be sent.
    [[nodiscard]] std::size_t get_write_buffer_size() const { return link().queued(); }

    // --- the end ---

    /// Ends the connection, both directions, once everything is sent and, with TLS, the peer has ended it too
    /// or `shutdown_timeout` is over; writing is an error now. Who reads gets the end. Once is enough.
    void close() { link().close(); }
    /// Ends the connection at once; what has not been sent is lost.
    void abort() { link().abort(); }
    /// Whether it is closed, or about to be.
    [[nodiscard]] bool is_closing() const { return link().closing() || link().broken(); }
    /// Awaited, waits until the connection is closed, which somebody else has to see to. Throws
    /// `std::system_error` if it has broken. Cancelling ends the wait.
    [[nodiscard]] detail::LinkOperation<detail::ClosedWait> wait_closed() {
        return detail::LinkOperation<detail::ClosedWait>(detail::Ref<detail::StreamLink>(&link()));
    }

    // --- where it leads (`get_extra_info` of asyncio) ---

    /// The address of the peer as it was when the connection was made; nothing where it has none, as for
    /// pipes and Unix domain sockets.
    [[nodiscard]] std::optional<Address> peername() const { return link().peer_address(); }
    /// The own address. Nothing when closed.
    [[nodiscard]] std::optional<Address> sockname() const { return link().state().local_address(); }
    /// The paths of a Unix domain socket: the peer's, empty for a client that has none, and the own one.
    /// Nothing for other streams, or when closed.
    [[nodiscard]] std::optional<std::string> unix_peername() const { return link().state().peer_path(); }
    [[nodiscard]] std::optional<std::string> unix_sockname() const { return link().state().local_path(); }
    /// What a TLS connection has agreed on; nothing for others.
    [[nodiscard]] std::optional<TlsInfo> tls_info() const {
        const TlsInfo* const info = link().state().tls_info();
        return info == nullptr ? std::nullopt : std::optional<TlsInfo>(*info);
    }
    /// The system's descriptor, which stays the writer's; -1 if there is none, or none any more.
    [[nodiscard]] int fileno() const { return link().state().descriptor(); }

    /// For the library: takes the stream out, and leaves the writer as if moved from.
    [[nodiscard]] Stream detach(const char* what) {
        Stream stream = link().detach(what);
        link_ = detail::Ref<detail::StreamLink>();
        return stream;
    }
    explicit StreamWriter(detail::Ref<detail::StreamLink> link) noexcept : link_(std::move(link)) {}

private:
    [[nodiscard]] detail::StreamLink& link() const {
        if (!link_) throw RuntimeError("this StreamWriter has been moved from");
        return *link_;
    }
    detail::Ref<detail::StreamLink> link_;
};

} // namespace aio
