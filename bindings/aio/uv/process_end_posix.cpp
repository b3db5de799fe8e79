#include <cerrno>

#include <poll.h>
#include <sys/wait.h>

#include <aio/uv/detail/process_block.hpp>

namespace aio::uv::detail {

int send_signal(ProcessBlock& block, int signum) noexcept { return uv_kill(block.pid, signum); }

void reap(ProcessBlock& block) noexcept {
    // Whoever is killed is gone in a moment, unless the system holds him in the middle of something; for that
    // nobody waits.
    constexpr int patience_milliseconds = 1000;
    for (int waited = 0;; ++waited) {
        pid_t pid = 0;
        do pid = ::waitpid(block.pid, nullptr, WNOHANG);
        while (pid < 0 && errno == EINTR);
        if (pid != 0 || !block.killed || waited == patience_milliseconds) return;
        ::poll(nullptr, 0, 1);
    }
}

} // namespace aio::uv::detail
