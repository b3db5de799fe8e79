#include <aio/uv/pipe.hpp>

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <aio/uv/detail/stream_block.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {
namespace {

using detail::StreamBlock;

StreamBlock* create(Loop& loop) {
    return StreamBlock::create(loop, "create a pipe handle", [&](StreamBlock::Handle& h) {
        return uv_pipe_init(loop.native(), &h.pipe, 0);
    });
}

PipeEnds adopt(const int (&fds)[2]) noexcept {
    for (const int fd : fds)
        ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    return PipeEnds(Descriptor(fds[0]), Descriptor(fds[1]));
}

} // namespace

Pipe::Pipe(Loop& loop) : Stream(create(loop)) {}

Pipe::Pipe(Loop& loop, Descriptor end) : Pipe(loop) {
    check(uv_pipe_open(&block_->handle.pipe, end.get()), "adopt a pipe");
    static_cast<void>(end.release());
}

void Pipe::connect(std::string_view path, Completion& done) {
    const std::string name(path);
    // uv_pipe_connect shortens a path that is too long, and would connect to another one.
    if (name.size() >= sizeof(sockaddr_un::sun_path))
        throw_error(UV_ENAMETOOLONG, "connect to " + name);
    block_->connect_done = &done;
    uv_pipe_connect(&block_->connect_request, &block_->handle.pipe, name.c_str(),
                    [](uv_connect_t* request, int status) noexcept {
                        StreamBlock& block = StreamBlock::of(request->handle->data);
                        if (Completion* waiting = std::exchange(block.connect_done, nullptr))
                            (*waiting)(status);
                    });
}

PipeEnds make_pipe() {
    int fds[2];
#if defined(__linux__)
    if (::pipe2(fds, O_CLOEXEC) != 0)
        throw_error(-errno, "make a pipe");
#else
    if (::pipe(fds) != 0)
        throw_error(-errno, "make a pipe");
#endif
    return adopt(fds);
}

PipeEnds make_socket_pair() {
    int fds[2];
    int type = SOCK_STREAM;
#if defined(SOCK_CLOEXEC)
    type |= SOCK_CLOEXEC;
#endif
    if (::socketpair(AF_UNIX, type, 0, fds) != 0)
        throw_error(-errno, "make a pair of sockets");
    return adopt(fds);
}

} // namespace aio::uv
