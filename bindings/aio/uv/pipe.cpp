#include <aio/uv/pipe.hpp>

#include <string>

#if !defined(_WIN32)
#include <sys/un.h>
#endif

#include <aio/uv/detail/stream_block.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/poll.hpp>

namespace aio::uv {
namespace {

using detail::StreamBlock;

StreamBlock* create(Loop& loop) {
    return StreamBlock::create(loop, "create a pipe handle", [&](StreamBlock::Handle& h) {
        return uv_pipe_init(loop.native(), &h.pipe, 0);
    });
}

#if defined(_WIN32)
StreamBlock* create_tcp(Loop& loop) {
    return StreamBlock::create(loop, "create a TCP handle",
                               [&](StreamBlock::Handle& h) { return uv_tcp_init(loop.native(), &h.tcp); });
}
#endif

template <class GetName>
std::string path_of(const StreamBlock* block, GetName get_name, const char* what) {
    if (block == nullptr) throw_error(UV_EBADF, what);
    if (block->handle.base.type != UV_NAMED_PIPE) return {};
    // libuv says how much there is when it is more than fits; a path of a socket is never long.
    std::string path(1024, '\0');
    std::size_t size = path.size();
    check(get_name(&block->handle.pipe, path.data(), &size), what);
    path.resize(size);
    return path;
}

} // namespace

Pipe::Pipe(Loop& loop) : Stream(create(loop)) {}

#if defined(_WIN32)

// One end of a socket pair is a TCP socket there.
Pipe::Pipe(Loop& loop, Descriptor end) : Stream(end.is_socket() ? create_tcp(loop) : create(loop)) {
    StreamBlock::Handle& handle = block_->handle;
    if (!end.is_socket()) {
        check(detail::open_pipe(handle.pipe, end), "adopt a pipe");
        return;
    }
    check(uv_tcp_open(&handle.tcp, static_cast<uv_os_sock_t>(end.get())), "adopt a pipe");
    static_cast<void>(end.release());
}

#else

Pipe::Pipe(Loop& loop, Descriptor end) : Pipe(loop) {
    if (kind_of(end) == DescriptorKind::device) {
        // libuv ends the program when it cannot watch a stream that it has, as /dev/null.
        const Poll attempt(loop, end.get(), Poll::Handler());
    }
    check(detail::open_pipe(block_->handle.pipe, end), "adopt a pipe");
}

#endif

int detail::open_pipe(uv_pipe_t& handle, Descriptor& end) noexcept {
    const int status = uv_pipe_open(&handle, end.get());
    if (status < 0) return status;
#if defined(_WIN32)
    // Of a standard descriptor libuv takes a duplicate.
    if (is_standard(end.get())) end.close();
#endif
    static_cast<void>(end.release());
    return 0;
}

void Pipe::connect(std::string_view path, Completion& done) {
    const std::string name(path);
#if !defined(_WIN32)
    // uv_pipe_connect shortens a path that is too long, and would connect to another one.
    if (name.size() >= sizeof(sockaddr_un::sun_path)) throw_error(UV_ENAMETOOLONG, "connect to " + name);
#endif
    block_->connect_done = &done;
    uv_pipe_connect(&block_->connect_request, &block_->handle.pipe, name.c_str(),
                    [](uv_connect_t* request, int status) noexcept {
                        StreamBlock& block = StreamBlock::of(request->handle->data);
                        if (Completion* waiting = std::exchange(block.connect_done, nullptr))
                            (*waiting)(status);
                    });
}

std::string Pipe::local_path() const {
    return path_of(block_, uv_pipe_getsockname, "get the path of a pipe");
}

std::string Pipe::peer_path() const {
    return path_of(block_, uv_pipe_getpeername, "get the peer's path of a pipe");
}

} // namespace aio::uv
