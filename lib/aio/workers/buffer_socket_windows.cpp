#include <aio/workers/buffer_socket.hpp>

#include <aio/core/errors.hpp>

namespace aio::detail {

std::size_t BufferSocket::send(std::span<const BufferNote>, int) {
    throw RuntimeError("memory cannot be shared between processes on Windows");
}

bool BufferSocket::receive(std::vector<ReceivedNote>&) { return false; }

} // namespace aio::detail
