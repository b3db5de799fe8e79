#include <aio/uv/pipe.hpp>

#include <aio/uv/detail/winsock_windows.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {
namespace {

/// Overlapped is what libuv can wait for without a thread of its own, and what the C runtime cannot use.
PipeEnds make_pipe(bool overlapped_reads, bool overlapped_writes) {
    uv_file fds[2];
    const auto flags = [](bool overlapped) { return overlapped ? static_cast<int>(UV_NONBLOCK_PIPE) : 0; };
    int status = uv_pipe(fds, flags(overlapped_reads), flags(overlapped_writes));
    // Some versions of libuv give the system's own number, which is positive.
    if (status > 0) status = uv_translate_sys_error(status);
    check(status, "make a pipe");
    return PipeEnds(Descriptor(fds[0]), Descriptor(fds[1]));
}

} // namespace

PipeEnds make_pipe() { return make_pipe(true, true); }

PipeEnds make_pipe_to_child(PipeToChild use) {
    return make_pipe(use == PipeToChild::child_writes, use == PipeToChild::child_reads);
}

// A pair of TCP sockets: a named pipe can be read and written at both ends too, but has no half close.
PipeEnds make_socket_pair() {
    const char* const what = "make a pair of sockets";
    check(detail::start_winsock(), what);
    uv_os_sock_t sockets[2];
    check(uv_socketpair(SOCK_STREAM, 0, sockets, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE), what);
    PipeEnds ends(detail::own_socket(sockets[0]), detail::own_socket(sockets[1]));
    for (const uv_os_sock_t socket : sockets) {
        // A pipe does not wait for more bytes either.
        const BOOL on = TRUE;
        if (::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, reinterpret_cast<const char*>(&on), sizeof on) !=
            0)
            throw_error(detail::winsock_error(), what);
    }
    return ends;
}

} // namespace aio::uv
