#pragma once

/// Makes a stream of a descriptor that came from elsewhere: from whoever started this program, from another
/// library.

#include <aio/io/stream.hpp>
#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// A TCP connection, a Unix domain socket, a pipe's end or a character device, on the running loop; the last
/// three become a `PipeStream`. Throws `ValueError` if the descriptor is none of these, `std::system_error`
/// if it is a socket that is not connected or cannot be watched; it is closed then.
[[nodiscard]] Stream adopt_stream(uv::Descriptor descriptor, bool keep_alive = false);

} // namespace aio::detail
