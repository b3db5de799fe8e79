#include <aio/uv/signal.hpp>

#include <array>
#include <atomic>
#include <csignal>

#include <uv.h>

#include <aio/uv/detail/watched_signals_private.hpp>

namespace aio::uv {
namespace {

/// How many `Signal`s watch for each: neither Windows nor the C runtime could tell.
std::array<std::atomic<int>, NSIG> watching{};

/// Those that libuv makes out of events of the console.
bool comes_from_the_console(int signum) noexcept {
    return signum == SIGINT || signum == SIGBREAK || signum == SIGHUP || signum == SIGWINCH;
}

/// Those of the C runtime.
bool is_of_the_runtime(int signum) noexcept {
    return signum == SIGINT || signum == SIGBREAK || signum == SIGILL || signum == SIGFPE ||
           signum == SIGSEGV || signum == SIGTERM || signum == SIGABRT;
}

} // namespace

bool detail::can_be_watched(int signum) noexcept { return is_signal(signum) && signum != SIGKILL; }

void detail::watch_moved(int before, int now) noexcept {
    if (before != 0) --watching[static_cast<std::size_t>(before)];
    if (now != 0) ++watching[static_cast<std::size_t>(now)];
}

bool is_signal(int signum) noexcept {
    return comes_from_the_console(signum) || is_of_the_runtime(signum) || signum == SIGKILL;
}

bool signal_is_default(int signum) noexcept {
    if (!is_signal(signum) || watching[static_cast<std::size_t>(signum)] != 0) return false;
    if (!is_of_the_runtime(signum)) return true;
    // There is no way to ask but this.
    const auto handler = std::signal(signum, SIG_DFL);
    if (handler != SIG_DFL) std::signal(signum, handler);
    return handler == SIG_DFL;
}

// There is no such signal: a write whose reader has gone just fails.
void ignore_sigpipe() noexcept {}

} // namespace aio::uv
