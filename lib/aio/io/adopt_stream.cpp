#include <aio/io/adopt_stream.hpp>

#include <string>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/tcp_stream.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {

Stream adopt_stream(uv::Descriptor descriptor, bool keep_alive) {
    EventLoop& loop = get_running_loop();
    const uv::DescriptorKind kind = uv::kind_of(descriptor);
    const bool is_tcp = kind == uv::DescriptorKind::tcp;
    if ((is_tcp || kind == uv::DescriptorKind::pipe) && uv::is_unconnected_socket(descriptor))
        uv::throw_error(uv::status::not_connected, "adopt descriptor " + std::to_string(descriptor.get()));
    if (!is_tcp) return PipeStream(loop, std::move(descriptor));
    TcpStream stream(loop, std::move(descriptor), KnownKind());
    if (keep_alive) stream.set_keep_alive(true);
    return stream;
}

} // namespace aio::detail
