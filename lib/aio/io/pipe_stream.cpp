#include <aio/io/pipe_stream.hpp>

#include <memory>
#include <string>
#include <system_error>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>

namespace aio {
namespace {

uv::Descriptor checked(uv::Descriptor end) {
    switch (uv::kind_of(end)) {
    case uv::DescriptorKind::pipe:
    case uv::DescriptorKind::device: return end;
#if defined(_WIN32)
    // What `pair` gives.
    case uv::DescriptorKind::tcp: return end;
#endif
    default:
        throw ValueError("PipeStream: descriptor " + std::to_string(end.get()) +
                         " is no pipe, Unix domain socket or character device");
    }
}

} // namespace

PipeStream::PipeStream(EventLoop& loop, uv::Descriptor end)
    : PipeStream(loop, checked(std::move(end)), detail::KnownKind()) {
    state().set_number(state().descriptor());
}

PipeStream::PipeStream(EventLoop& loop, uv::Descriptor end, detail::KnownKind)
    : Stream(
          std::make_unique<detail::StreamStateOf<uv::Pipe>>(loop.state(), loop.bindings(), std::move(end))) {}

PipeStream::PipeStream(EventLoop& loop)
    : Stream(std::make_unique<detail::StreamStateOf<uv::Pipe>>(loop.state(), loop.bindings())) {}

uv::Pipe& PipeStream::pipe() const { return static_cast<detail::StreamStateOf<uv::Pipe>&>(state()).own; }

std::pair<PipeStream, PipeStream> PipeStream::pair(EventLoop& loop) {
    uv::PipeEnds ends = uv::make_socket_pair();
    PipeStream first(loop, std::move(ends.read), detail::KnownKind());
    PipeStream second(loop, std::move(ends.write), detail::KnownKind());
    return {std::move(first), std::move(second)};
}

} // namespace aio
