#include <aio/io/adopt_stream.hpp>

#include <system_error>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/tcp_stream.hpp>

namespace aio::detail {

Stream adopt_stream(uv::Descriptor descriptor, bool keep_alive) {
    EventLoop& loop = get_running_loop();
    if (uv::kind_of(descriptor) != uv::DescriptorKind::tcp) {
        PipeStream stream(loop, std::move(descriptor));
        stream.check_connected();
        return stream;
    }
    TcpStream stream(loop, std::move(descriptor), KnownKind());
    // Says so if it is not connected.
    static_cast<void>(stream.peer_address());
    if (keep_alive) stream.set_keep_alive(true);
    return stream;
}

} // namespace aio::detail
