#pragma once

/// `PipeStream`: one end of a pipe, or a connected Unix domain socket.

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
    /// Adopts a descriptor, which becomes non-blocking. Throws `std::system_error` if it is neither a pipe
    /// nor a stream socket.
    PipeStream(EventLoop& loop, uv::Descriptor end);

    /// The two ends of a new pair of connected sockets on one loop.
    [[nodiscard]] static std::pair<PipeStream, PipeStream> pair(EventLoop& loop);

private:
    friend detail::ProcessState;
    /// Not connected: a child process is going to have the other end.
    explicit PipeStream(EventLoop& loop);
    [[nodiscard]] uv::Pipe& pipe() const;
};

} // namespace aio
