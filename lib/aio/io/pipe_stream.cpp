#include <aio/io/pipe_stream.hpp>

#include <memory>

#include <aio/core/event_loop.hpp>

namespace aio {

PipeStream::PipeStream(EventLoop& loop, uv::Descriptor end)
    : Stream(
          std::make_unique<detail::StreamStateOf<uv::Pipe>>(loop.state(), loop.bindings(), std::move(end))) {}

PipeStream::PipeStream(EventLoop& loop)
    : Stream(std::make_unique<detail::StreamStateOf<uv::Pipe>>(loop.state(), loop.bindings())) {}

uv::Pipe& PipeStream::pipe() const { return static_cast<detail::StreamStateOf<uv::Pipe>&>(state()).own; }

std::pair<PipeStream, PipeStream> PipeStream::pair(EventLoop& loop) {
    uv::PipeEnds ends = uv::make_socket_pair();
    PipeStream first(loop, std::move(ends.read));
    PipeStream second(loop, std::move(ends.write));
    return {std::move(first), std::move(second)};
}

} // namespace aio
