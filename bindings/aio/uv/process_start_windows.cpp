#include <aio/uv/detail/process_block.hpp>
#include <aio/uv/detail/stream_block.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/pipe.hpp>

namespace aio::uv::detail {
namespace {

uv_stdio_container_t container(const Stdio& stdio) {
    uv_stdio_container_t result{};
    unsigned flags = UV_IGNORE;
    switch (stdio.kind()) {
    case Stdio::Kind::null: break;
    case Stdio::Kind::same: throw_error(UV_ENOTSUP, "give a program one stream under two numbers");
    case Stdio::Kind::inherit:
        flags = UV_INHERIT_FD;
        result.data.fd = stdio.descriptor();
        break;
    case Stdio::Kind::pipe:
        flags = UV_CREATE_PIPE | (stdio.child_reads() ? static_cast<unsigned>(UV_READABLE_PIPE) : 0U) |
                (stdio.child_writes() ? static_cast<unsigned>(UV_WRITABLE_PIPE) : 0U);
        result.data.stream = &StreamBlock::of(*stdio.end())->handle.stream;
        break;
    }
    result.flags = static_cast<uv_stdio_flags>(flags);
    return result;
}

} // namespace

int start_child(ProcessBlock& block, const ProcessOptions& options) {
    std::vector<uv_stdio_container_t> stdio;
    for (const Stdio& one : options.stdio()) stdio.push_back(container(one));
    return spawn_with_libuv(block, options, stdio);
}

/// libuv remembers which it was: the system knows only that the child was ended.
int send_signal(ProcessBlock& block, int signum) noexcept {
    return uv_process_kill(&block.handle.process, signum);
}

/// There is no such table.
void reap(ProcessBlock&) noexcept {}

} // namespace aio::uv::detail
