#include <aio/uv/process.hpp>

#include <mutex>
#include <string>

#include <uv.h>

#include <aio/uv/detail/process_block.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {

const int kill_signal = SIGKILL;

namespace {

using detail::ProcessBlock;

ProcessBlock& block_of(void* p) noexcept { return *static_cast<ProcessBlock*>(p); }

std::string description_of(const ProcessOptions& options) {
    std::string text = "run " + options.arguments()[0];
    if (!options.directory().empty()) text += " in " + options.directory();
    return text;
}

} // namespace

detail::ProcessBlock::ProcessBlock(Loop& owner, Completion& waiting) noexcept
    : Lingering([](Lingering& self) noexcept {
          reap(static_cast<ProcessBlock&>(self));
          static_cast<ProcessBlock&>(self).close();
      }),
      loop(owner),
      exited(&waiting) {}

void detail::ProcessBlock::close() noexcept {
    stop_lingering();
    if (handle.base.type == UV_UNKNOWN_HANDLE) {
        delete this;
        return;
    }
    handle.base.data = this;
    uv_close(&handle.base, [](uv_handle_t* h) noexcept { delete static_cast<ProcessBlock*>(h->data); });
}

void detail::ProcessBlock::ended(std::int64_t code, int signum) noexcept {
    has_exited = true;
    exit_code = code;
    term_signal = signum;
    if (lingering())
        close();
    else
        (*exited)(0);
}

std::vector<char*> detail::c_strings(const std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

int detail::spawn_with_libuv(ProcessBlock& block, const ProcessOptions& options,
                             std::vector<uv_stdio_container_t>& stdio) {
    std::vector<char*> arguments = c_strings(options.arguments());
    std::vector<char*> environment;
    if (options.environment() != nullptr) environment = c_strings(*options.environment());

    uv_process_options_t native{};
    native.exit_cb = [](uv_process_t* h, std::int64_t code, int signum) noexcept {
        static_cast<ProcessBlock*>(h->data)->ended(code, signum);
    };
    native.file = arguments[0];
    native.args = arguments.data();
    native.env = options.environment() != nullptr ? environment.data() : nullptr;
    native.cwd = options.directory().empty() ? nullptr : options.directory().c_str();
    native.flags = options.detached() ? static_cast<unsigned>(UV_PROCESS_DETACHED) : 0U;
    native.stdio = stdio.data();
    native.stdio_count = static_cast<int>(stdio.size());

    block.handle.base.data = &block;
#if defined(_WIN32)
    // Whatever can be inherited while a child is started is inherited: that is to be its own alone.
    static std::mutex one_at_a_time;
    const std::lock_guard lock(one_at_a_time);
#endif
    const int status = uv_spawn(block.loop.native(), &block.handle.process, &native);
    block.pid = block.handle.process.pid;
    return status;
}

Process::Process(Loop& loop, const ProcessOptions& options, Completion& exited) {
    if (options.arguments().empty()) throw_error(UV_EINVAL, "run a program: no arguments, not even its name");
    auto* block = new ProcessBlock(loop, exited);
    int status = 0;
    try {
        status = detail::start_child(*block, options);
    } catch (const std::system_error& error) {
        block->close();
        // For want of a pipe: whose that was to be is what matters.
        throw std::system_error(error.code(), description_of(options));
    } catch (...) {
        block->close();
        throw;
    }
    if (status < 0) {
        block->close();
        throw_error(status, description_of(options));
    }
    block_ = block;
}

Process::~Process() {
    ProcessBlock& block = block_of(block_);
    if (block.has_exited) {
        block.close();
        return;
    }
    block.exited = nullptr;
    uv_unref(&block.handle.base);
    block.linger(block.loop);
}

int Process::pid() const noexcept { return block_of(block_).pid; }

bool Process::has_exited() const noexcept { return block_of(block_).has_exited; }

std::int64_t Process::exit_code() const noexcept { return block_of(block_).exit_code; }

int Process::term_signal() const noexcept { return block_of(block_).term_signal; }

int Process::kill(int signum) noexcept {
    // The number may belong to another process by now.
    if (has_exited()) return UV_ESRCH;
    const int status = detail::send_signal(block_of(block_), signum);
    if (status == 0 && signum == kill_signal) block_of(block_).killed = true;
    return status;
}

} // namespace aio::uv
