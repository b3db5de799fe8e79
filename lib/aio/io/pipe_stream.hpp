#pragma once

/// `PipeStream`: one end of a pipe, a connected Unix domain socket, or a character device.

#include <utility>

#include <aio/io/stream.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/pipe.hpp>

namespace aio {

class EventLoop;

namespace detail {
class ProcessState;
}

/// A stream over a pipe's end. Of an anonymous pipe one end can only be read and the other only be written;
/// the wrong direction throws.
class PipeStream final : public Stream {
public:
    /// Adopts the descriptor of a pipe's end, a connected Unix domain socket or a character device, as a
    /// serial line is one; it becomes non-blocking. Throws `ValueError` if it is none of these, and
    /// `std::system_error` if the system cannot tell when it is ready, as for the null device; it is closed
    /// then.
    PipeStream(EventLoop& loop, uv::Descriptor end);
    /// For the library: of a pipe or socket that it has made.
    PipeStream(EventLoop& loop, uv::Descriptor end, detail::KnownKind);

    /// The two ends of a new pair of connected sockets on one loop.
    [[nodiscard]] static std::pair<PipeStream, PipeStream> pair(EventLoop& loop);

private:
    friend detail::ProcessState;
    /// Not connected: a child process is going to have the other end.
    explicit PipeStream(EventLoop& loop);
    [[nodiscard]] uv::Pipe& pipe() const;
};

} // namespace aio
