#include <aio/uv/signal.hpp>

#include <csignal>

#include <aio/uv/detail/watched_signals_private.hpp>

namespace aio::uv {

// The system itself knows what a process does with its signals.
bool detail::can_be_watched(int) noexcept { return true; }
void detail::watch_moved(int, int) noexcept {}

bool signal_is_default(int signum) noexcept {
    struct sigaction action{};
    return ::sigaction(signum, nullptr, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
           action.sa_handler == SIG_DFL;
}

bool is_signal(int signum) noexcept {
    struct sigaction action{};
    return ::sigaction(signum, nullptr, &action) == 0;
}

void ignore_sigpipe() noexcept {
    static const bool done = []() noexcept {
        if (signal_is_default(SIGPIPE)) std::signal(SIGPIPE, SIG_IGN);
        return true;
    }();
    static_cast<void>(done);
}

} // namespace aio::uv
