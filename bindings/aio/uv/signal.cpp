#include <aio/uv/signal.hpp>

#include <csignal>
#include <string>

#include <aio/uv/detail/handle_block.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace {

using Block = detail::HandleBlock<uv_signal_t, detail::CallbackState>;
Block& block_of(void* p) noexcept { return *static_cast<Block*>(p); }

} // namespace

Signal::Signal(Loop& loop)
    : block_(Block::create([&](uv_signal_t* h) { return uv_signal_init(loop.native(), h); },
                           "create a signal handle")) {
    uv_unref(block_of(block_).base());
}

Signal::~Signal() { block_of(block_).close(); }

void Signal::start(int signum, Callback callback) {
    Block& block = block_of(block_);
    block.state.callback = callback;
    check(uv_signal_start(
              &block.handle, [](uv_signal_t* h, int) noexcept { Block::of(h).state.callback(); }, signum),
          "watch for signal " + std::to_string(signum));
}

void Signal::stop() noexcept { uv_signal_stop(&block_of(block_).handle); }

bool signal_is_default(int signum) noexcept {
    struct sigaction action {};
    return ::sigaction(signum, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
           action.sa_handler == SIG_DFL;
}

bool is_signal(int signum) noexcept {
    struct sigaction action {};
    return ::sigaction(signum, nullptr, &action) == 0;
}

void ignore_sigpipe() noexcept {
    static const bool done = []() noexcept {
        if (signal_is_default(SIGPIPE))
            std::signal(SIGPIPE, SIG_IGN);
        return true;
    }();
    static_cast<void>(done);
}

} // namespace aio::uv
