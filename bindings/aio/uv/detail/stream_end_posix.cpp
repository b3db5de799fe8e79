// How a stream ends. What libuv tells as the end of reading may be something else.
//
// It may be a reset that a write has met: the system tells an error once, so a read finds a clean end, and
// libuv reads before it tells of writes.
//
// It may be a reset, or more bytes, behind the last ones that have been read: when the system says that the
// other end has hung up and the last read was short, libuv takes that for the end without reading on (in
// uv__stream_io). Of a socket the error is then still to come, so that a message cut short by a reset would
// look whole; a terminal's other end is given what was written in pieces, so that the last ones would be
// lost.
//
// The end of a terminal's other end is, on Linux, EIO; elsewhere it is an end like that of others, and so it
// is here.

#include <cerrno>

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aio/uv/detail/stream_block.hpp>

namespace aio::uv::detail {
namespace {

constexpr int most_reads = 32;

bool has_hung_up(int fd) noexcept {
    pollfd about{fd, POLLIN, 0};
    return ::poll(&about, 1, 0) > 0 && (about.revents & POLLHUP) != 0;
}

bool is_other_end_of_terminal([[maybe_unused]] int fd) noexcept {
#if defined(__linux__)
    unsigned number = 0;
    return ::ioctl(fd, TIOCGPTN, &number) == 0;
#else
    return false;
#endif
}

} // namespace

void StreamBlock::reading_ended(int status) noexcept {
    uv_os_fd_t fd = -1;
    static_cast<void>(uv_fileno(&handle.base, &fd));
    if (status == UV_EOF) {
        look_for_write_error();
        if (has_hung_up(fd)) status = read_on(fd);
        if (reader == nullptr || status == UV_ENOBUFS) return;
    }
    if (status == UV_EAGAIN) status = start_reading();
    if (status == 0) return;
    if (status == UV_EIO && is_other_end_of_terminal(fd)) status = UV_EOF;
    reader->ended(status == UV_EOF ? 0 : status);
}

int StreamBlock::read_on(int fd) noexcept {
    // To the reader nothing has stopped.
    reading = true;
    const int status = read_to_end(fd);
    reading = false;
    return status;
}

int StreamBlock::read_to_end(int fd) noexcept {
    // Somebody else may open the pipe and write for ever.
    for (int i = 0; i < most_reads; ++i) {
        const std::span<std::byte> room = reader->room(loop->receive_buffer());
        paused = room.empty();
        if (paused) return UV_ENOBUFS;
        const ssize_t count = ::read(fd, room.data(), room.size());
        if (count > 0) {
            reader->received(room.first(static_cast<std::size_t>(count)));
            if (reader == nullptr) return UV_EOF;
        } else if (count == 0) {
            return UV_EOF;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return UV_EAGAIN;
}

void StreamBlock::end_writing() noexcept {
    uv_os_fd_t fd = -1;
    // What is no socket is ended by being closed.
    if (uv_fileno(&handle.base, &fd) == 0) ::shutdown(fd, SHUT_WR);
}

void StreamBlock::look_for_write_error() noexcept {
    // libuv calls this member private; it has been as it is ever since version 1.0.
    if (writing && write_error == 0 && write_request.error < 0) write_error = write_request.error;
}

} // namespace aio::uv::detail
