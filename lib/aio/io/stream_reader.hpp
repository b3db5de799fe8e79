#pragma once

/// `StreamReader`: reads lines, messages and counted bytes from a stream (`asyncio.StreamReader`).
///
///     auto [reader, writer] = co_await aio::open_connection("example.com", 80);
///     const std::string head = co_await reader.readuntil("\r\n\r\n");
///     const std::string body = co_await reader.readexactly(length);
///
/// Bytes are gathered in a buffer while nobody reads, up to twice the limit; then reading pauses, and the
/// peer's writes with it. An await that finds what it wants in the buffer does not suspend, apart from giving
/// way now and then. One task at a time reads: a second one gets a `RuntimeError`.
///
/// Cancelling any of the awaits loses nothing: bytes leave the buffer only as part of a result that is
/// returned. If the connection breaks, reads throw `std::system_error`, also when bytes are left in the
/// buffer; only if TLS has not been ended but the connection below has, as some servers do it, what the
/// buffer holds of a whole result comes first. If it was closed on this side, what is left in the buffer can
/// be read, and then the end.

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <aio/core/async_generator.hpp>
#include <aio/core/errors.hpp>
#include <aio/io/reader_awaiters.hpp>
#include <aio/io/stream_link.hpp>

namespace aio {

/// The reading side of a connection; move-only. Made with its writer as a `StreamConnection`. Must not be
/// destroyed or moved while a task waits in it. Destroying it leaves the connection to the writer.
class StreamReader {
public:
    /// The limit that is used unless another is given: 64 KiB.
    static constexpr std::size_t default_limit = std::size_t(64) * 1024;

    StreamReader(StreamReader&&) noexcept = default;
    StreamReader& operator=(StreamReader&&) noexcept = default;
    ~StreamReader() = default;

    /// Everything up to the end of the stream, however much it is.
    [[nodiscard]] auto read() { return detail::ReadCall<detail::ReadToEnd>(state()); }
    /// What is there, at least one byte and at most `most`; empty at the end of the stream (or for 0).
    [[nodiscard]] auto read(std::size_t most) {
        return detail::ReadCall<detail::ReadUpTo, std::size_t>(state(), most);
    }
    /// The same into the caller's memory, which must stay until the await has ended; gives the number of
    /// bytes.
    [[nodiscard]] auto read_into(std::span<std::byte> memory) {
        return detail::ReadCall<detail::ReadInto, std::span<std::byte>>(state(), memory);
    }
    /// Exactly so many bytes, which may be more than the limit. Throws `IncompleteReadError` with what there
    /// was, which has then been taken, if the stream ends before.
    [[nodiscard]] auto readexactly(std::size_t count) {
        return detail::ReadCall<detail::ReadExactly, std::size_t>(state(), count);
    }
    /// Everything up to the separator, and the separator. Throws `IncompleteReadError` with what there was,
    /// which has then been taken, if the stream ends before; `LimitOverrunError` if more than the limit comes
    /// before the separator: all of it is still there then, to be read in another way. `ValueError` for an
    /// empty separator.
    [[nodiscard]] auto readuntil(std::string_view separator = "\n") {
        return until(detail::SeparatorSearch(separator));
    }
    /// The same for several separators, of which the one that ends first counts.
    [[nodiscard]] auto readuntil(std::vector<std::string> separators) {
        return until(detail::SeparatorSearch(std::move(separators)));
    }
    /// A line with its "\n". At the end of the stream what there is, perhaps nothing. Throws `ValueError` for
    /// a line that is longer than the limit, and drops it: up to its "\n" if that has come already, otherwise
    /// all that has come.
    [[nodiscard]] auto readline() {
        return detail::ReadCall<detail::ReadLine, std::size_t>(state(), link().limit());
    }

    /// The next line, or nothing at the end of the stream; otherwise as `readline`.
    //
    //     while (auto line = co_await reader.next()) ...
    [[nodiscard]] auto next() {
        return detail::ReadCall<detail::NextLine, std::size_t>(state(), link().limit());
    }
    /// The lines as a generator, for `for_each` and `collect`. The reader must outlive it.
    [[nodiscard]] AsyncGenerator<std::string> lines();

    /// Whether the end of the stream has been reached, and everything before it has been read.
    [[nodiscard]] bool at_eof() const { return link().at_eof(); }
    /// The most bytes that may come before a separator.
    [[nodiscard]] std::size_t limit() const { return link().limit(); }

    /// For the library.
    explicit StreamReader(detail::Ref<detail::StreamLink> link) noexcept : link_(std::move(link)) {}

private:
    [[nodiscard]] detail::StreamLink& link() const {
        if (!link_) throw RuntimeError("this StreamReader has been moved from");
        return *link_;
    }
    [[nodiscard]] detail::StreamState& state() const { return link().state(); }
    [[nodiscard]] detail::ReadCall<detail::ReadUntil, detail::SeparatorSearch, std::size_t>
    until(detail::SeparatorSearch search) {
        return detail::ReadCall<detail::ReadUntil, detail::SeparatorSearch, std::size_t>(
            state(), std::move(search), link().limit());
    }

    detail::Ref<detail::StreamLink> link_;
};

} // namespace aio
