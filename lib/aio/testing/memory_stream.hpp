#pragma once

/// `MemoryStream`: a stream within the process, for tests of code that reads and writes streams.
///
///     auto [client, server] = aio::testing::MemoryStream::pair(MemoryStreamOptions().chunk_sizes({1, 2, 3}));
///     client.fail_reads(std::errc::connection_reset, 100);    // once it has read 100 bytes
///
/// It is used wherever a `Stream` is, so that the code under test sees no difference; but what it sees is
/// chosen by the test, the same in every run: in what pieces bytes arrive, how much is under way before a
/// writer has to wait, and after which byte what goes wrong. No system call is made, and with a
/// `VirtualClock` time stands still meanwhile. (After the memory streams of Trio's testing module.)

#include <cstddef>
#include <system_error>
#include <utility>
#include <vector>

#include <aio/io/stream.hpp>

namespace aio {
class EventLoop;
} // namespace aio

namespace aio::testing {

namespace detail {
class MemoryStreamState;
}

/// How bytes travel from one end to the other.
class MemoryStreamOptions {
public:
    /// Bytes arrive in pieces of at most these sizes, in turn, and again from the first: each read of a
    /// `Stream` gets one piece, or what its memory has room for. Without them it gets all that is there.
    /// Throws `ValueError` if one of them is 0.
    MemoryStreamOptions& chunk_sizes(std::vector<std::size_t> sizes);
    /// All pieces have at most this size.
    MemoryStreamOptions& chunk_size(std::size_t size) {
        return chunk_sizes(std::vector<std::size_t>(1, size));
    }
    /// So many bytes are taken from a writer before the reader has read any, as the buffer of a socket does:
    /// 64 KiB unless changed. With 0 a write waits for its reader, which takes it byte by byte.
    /// (`Stream::write_all` copies up to 64 KiB more before it waits.)
    MemoryStreamOptions& capacity(std::size_t bytes) noexcept { return capacity_ = bytes, *this; }

    MemoryStreamOptions() = default;
    [[nodiscard]] const std::vector<std::size_t>& chunk_sizes() const noexcept { return chunk_sizes_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }

private:
    std::vector<std::size_t> chunk_sizes_;
    std::size_t capacity_ = std::size_t(64) * 1024;
};

/// One end of a pair. What one end writes the other one reads. When an end is closed, the other reads what
/// was sent and then the end, and what it writes itself fails (broken_pipe).
class MemoryStream final : public Stream {
public:
    /// Two ends on one loop, the running one unless said; both directions as the options say. Throws
    /// `RuntimeError` without a loop.
    [[nodiscard]] static std::pair<MemoryStream, MemoryStream>
    pair(const MemoryStreamOptions& options = MemoryStreamOptions());
    [[nodiscard]] static std::pair<MemoryStream, MemoryStream>
    pair(EventLoop& loop, const MemoryStreamOptions& options = MemoryStreamOptions());

    /// Has this end's reads fail, for good, once it has received so many more bytes. Throws
    /// `std::system_error` for a condition that no system error means, and if the stream is closed;
    /// `ValueError` for `std::errc()`, which is none.
    void fail_reads(std::errc error, std::size_t after_bytes = 0);
    /// Has this end's writes fail, for good, once so many more bytes have been taken from it; the other end
    /// still receives those.
    void fail_writes(std::errc error, std::size_t after_bytes = 0);

private:
    explicit MemoryStream(std::unique_ptr<detail::MemoryStreamState> state) noexcept;
    [[nodiscard]] detail::MemoryStreamState& memory() const;
};

} // namespace aio::testing
