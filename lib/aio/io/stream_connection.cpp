#include <aio/io/stream_connection.hpp>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/tcp_stream.hpp>
#include <aio/uv/error.hpp>

namespace aio {

StreamConnection StreamConnection::from_descriptor(uv::Descriptor descriptor, std::size_t limit) {
    EventLoop& loop = get_running_loop();
    switch (uv::kind_of(descriptor)) {
    case uv::DescriptorKind::tcp: {
        TcpStream stream(loop, std::move(descriptor));
        // Says so if it is not connected.
        static_cast<void>(stream.peer_address());
        return StreamConnection(std::move(stream), limit);
    }
    case uv::DescriptorKind::pipe: return StreamConnection(PipeStream(loop, std::move(descriptor)), limit);
    default:
        throw ValueError("StreamConnection: descriptor " + std::to_string(descriptor.get()) +
                         " is neither a TCP socket nor a pipe or Unix domain socket");
    }
}

} // namespace aio
