#pragma once

/// `sendfile`: a file, or a part of it, into a stream (`loop.sendfile` in asyncio).
///
///     const std::uint64_t sent = co_await aio::sendfile(connection, file);

#include <cstdint>
#include <optional>

#include <aio/core/coro.hpp>

namespace aio {

class File;
class Stream;
class StreamWriter;

/// Sends the bytes of `file` from `offset` on, to its end or `count` of them; gives how many that were, fewer
/// if the file ends before. Bytes are read a quarter of a megabyte at a time, without a thread when they are
/// in memory, and only as fast as the peer takes them. The file's position stays as it is. Both must stay
/// until the await has ended. Throws what reading and writing throw; cancelled as `Stream::write_all`.
[[nodiscard]] Coro<std::uint64_t> sendfile(Stream& stream, File& file, std::uint64_t offset = 0,
                                           std::optional<std::uint64_t> count = std::nullopt);
/// The same behind what has been written already.
[[nodiscard]] Coro<std::uint64_t> sendfile(StreamWriter& writer, File& file, std::uint64_t offset = 0,
                                           std::optional<std::uint64_t> count = std::nullopt);

} // namespace aio
