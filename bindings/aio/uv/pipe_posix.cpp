#include <aio/uv/pipe.hpp>

#include <cerrno>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aio/uv/error.hpp>

namespace aio::uv {
namespace {

PipeEnds adopt(const int (&fds)[2]) {
    for (const int fd : fds) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    Descriptor first(fds[0]);
    Descriptor second(fds[1]);
    return PipeEnds(above_standard(std::move(first)), above_standard(std::move(second)));
}

} // namespace

PipeEnds make_pipe() {
    int fds[2];
#if defined(__linux__)
    if (::pipe2(fds, O_CLOEXEC) != 0) throw_error(-errno, "make a pipe");
#else
    if (::pipe(fds) != 0) throw_error(-errno, "make a pipe");
#endif
    return adopt(fds);
}

PipeEnds make_pipe_to_child(PipeToChild) { return make_pipe(); }

PipeEnds make_socket_pair() {
    int fds[2];
    int type = SOCK_STREAM;
#if defined(SOCK_CLOEXEC)
    type |= SOCK_CLOEXEC;
#endif
    if (::socketpair(AF_UNIX, type, 0, fds) != 0) throw_error(-errno, "make a pair of sockets");
    return adopt(fds);
}

} // namespace aio::uv
