#include <aio/uv/process.hpp>

#include <uv.h>

#include <aio/uv/detail/lingering.hpp>
#include <aio/uv/detail/stream_block.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/pipe.hpp>

namespace aio::uv {
namespace {

/// Outlives the `Process` until the child has ended: closing the handle earlier would leave a zombie.
struct Block final : detail::Lingering {
    Block(Loop& owner, Completion& waiting) noexcept
        : Lingering([](Lingering& self) noexcept { static_cast<Block&>(self).close(); }),
          loop(owner),
          exited(&waiting) {
        handle.data = this;
    }

    void close() noexcept {
        stop_lingering();
        uv_close(reinterpret_cast<uv_handle_t*>(&handle),
                 [](uv_handle_t* h) noexcept { delete static_cast<Block*>(h->data); });
    }

    static void on_exit(uv_process_t* h, std::int64_t code, int signum) noexcept {
        Block& block = *static_cast<Block*>(h->data);
        block.has_exited = true;
        block.exit_code = code;
        block.term_signal = signum;
        if (block.lingering())
            block.close();
        else
            (*block.exited)(0);
    }

    uv_process_t handle{};
    Loop& loop;
    Completion* exited;
    std::int64_t exit_code = 0;
    int term_signal = 0;
    bool has_exited = false;
};

Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

/// A null-terminated array of C strings, for the time of a call.
std::vector<char*> c_strings(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

uv_stdio_container_t container(const Stdio& stdio) noexcept {
    uv_stdio_container_t result{};
    unsigned flags = UV_IGNORE;
    switch (stdio.kind()) {
    case Stdio::Kind::null: break;
    case Stdio::Kind::inherit:
        flags = UV_INHERIT_FD;
        result.data.fd = stdio.descriptor();
        break;
    case Stdio::Kind::pipe:
        flags = UV_CREATE_PIPE | (stdio.child_reads() ? static_cast<unsigned>(UV_READABLE_PIPE) : 0U) |
                (stdio.child_writes() ? static_cast<unsigned>(UV_WRITABLE_PIPE) : 0U);
        result.data.stream = &detail::StreamBlock::of(*stdio.end())->handle.stream;
        break;
    }
    result.flags = static_cast<uv_stdio_flags>(flags);
    return result;
}

} // namespace

Process::Process(Loop& loop, const ProcessOptions& options, Completion& exited) {
    if (options.arguments().empty()) throw_error(UV_EINVAL, "run a program: no arguments, not even its name");
    std::vector<char*> arguments = c_strings(options.arguments());
    std::vector<char*> environment;
    if (options.environment() != nullptr) environment = c_strings(*options.environment());
    std::vector<uv_stdio_container_t> stdio;
    stdio.reserve(options.stdio().size());
    for (const Stdio& s : options.stdio()) stdio.push_back(container(s));

    uv_process_options_t native{};
    native.exit_cb = &Block::on_exit;
    native.file = arguments[0];
    native.args = arguments.data();
    native.env = options.environment() != nullptr ? environment.data() : nullptr;
    native.cwd = options.directory().empty() ? nullptr : options.directory().c_str();
    native.flags = options.detached() ? static_cast<unsigned>(UV_PROCESS_DETACHED) : 0U;
    native.stdio = stdio.data();
    native.stdio_count = static_cast<int>(stdio.size());

    auto* block = new Block(loop, exited);
    const int status = uv_spawn(loop.native(), &block->handle, &native);
    if (status < 0) {
        // libuv initialises the handle even then.
        block->close();
        throw_error(status, "run " + options.arguments()[0]);
    }
    block_ = block;
}

Process::~Process() {
    Block& block = block_of(block_);
    if (block.has_exited) {
        block.close();
        return;
    }
    block.exited = nullptr;
    uv_unref(reinterpret_cast<uv_handle_t*>(&block.handle));
    block.linger(block.loop);
}

int Process::pid() const noexcept { return block_of(block_).handle.pid; }

bool Process::has_exited() const noexcept { return block_of(block_).has_exited; }

std::int64_t Process::exit_code() const noexcept { return block_of(block_).exit_code; }

int Process::term_signal() const noexcept { return block_of(block_).term_signal; }

int Process::kill(int signum) noexcept {
    // The number may belong to another process by now.
    if (has_exited()) return UV_ESRCH;
    return uv_process_kill(&block_of(block_).handle, signum);
}

} // namespace aio::uv
