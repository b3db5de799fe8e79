#pragma once

/// `StreamConnection`: the reader and the writer of one connection.

#include <cstddef>
#include <utility>

#include <aio/io/stream_reader.hpp>
#include <aio/io/stream_writer.hpp>
#include <aio/uv/descriptor.hpp>

namespace aio {

/// What `open_connection` gives, and how any other stream gets a reader and a writer:
//
//     auto [reader, writer] = aio::StreamConnection(std::move(tcp_stream));
//
/// The parts may be moved out and go different ways; the connection ends when the writer has gone, and with
/// it what is left of the reader's bytes when that has gone as well.
class StreamConnection {
public:
    /// Takes over a `TcpStream`, a `PipeStream`, or any other stream. `limit` is the reader's. Throws
    /// `ValueError` if that is 0, `RuntimeError` if the stream has been moved from.
    explicit StreamConnection(Stream stream, std::size_t limit = StreamReader::default_limit)
        : StreamConnection(
              detail::Ref<detail::StreamLink>(new detail::StreamLink(std::move(stream), limit))) {}

    /// Adopts the descriptor of a connected TCP or Unix domain socket, of a pipe or a character device, on
    /// the running loop; it becomes non-blocking. Throws `ValueError` if it is none of these,
    /// `std::system_error` if it is not connected or cannot be watched; it is closed then.
    [[nodiscard]] static StreamConnection from_descriptor(uv::Descriptor descriptor,
                                                          std::size_t limit = StreamReader::default_limit);

    /// For the library.
    explicit StreamConnection(const detail::Ref<detail::StreamLink>& link) noexcept
        : reader(link), writer(link) {}

    StreamReader reader;
    StreamWriter writer;
};

} // namespace aio
