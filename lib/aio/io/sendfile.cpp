#include <aio/io/sendfile.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <aio/io/file.hpp>
#include <aio/io/stream.hpp>
#include <aio/io/stream_writer.hpp>

namespace aio {
namespace {

template <class Target>
Coro<std::uint64_t> send(Target& target, File& file, std::uint64_t offset,
                         std::optional<std::uint64_t> count) {
    constexpr std::uint64_t piece_size = 256 * 1024;
    const std::uint64_t wanted = count.value_or(std::numeric_limits<std::uint64_t>::max());
    std::vector<std::byte> memory(static_cast<std::size_t>(std::min(piece_size, wanted)));
    std::uint64_t sent = 0;
    while (sent < wanted) {
        const std::size_t most =
            static_cast<std::size_t>(std::min<std::uint64_t>(memory.size(), wanted - sent));
        const std::span<std::byte> piece = std::span(memory).first(most);
        const std::size_t size = co_await file.read_at(piece, offset + sent);
        if (size == 0) break;
        co_await target.write_all(piece.first(size));
        sent += size;
    }
    co_return sent;
}

} // namespace

Coro<std::uint64_t> sendfile(Stream& stream, File& file, std::uint64_t offset,
                             std::optional<std::uint64_t> count) {
    return send(stream, file, offset, count);
}

Coro<std::uint64_t> sendfile(StreamWriter& writer, File& file, std::uint64_t offset,
                             std::optional<std::uint64_t> count) {
    return send(writer, file, offset, count);
}

} // namespace aio
