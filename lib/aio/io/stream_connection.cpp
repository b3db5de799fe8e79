#include <aio/io/stream_connection.hpp>

#include <aio/io/adopt_stream.hpp>

namespace aio {

StreamConnection StreamConnection::from_descriptor(uv::Descriptor descriptor, std::size_t limit) {
    return StreamConnection(detail::adopt_stream(std::move(descriptor)), limit);
}

} // namespace aio
