#include <aio/workers/process_setup_posix.hpp>

#include <pthread.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <filesystem>
#include <iterator>
#include <system_error>

#if defined(__SANITIZE_THREAD__)
#define AIO_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define AIO_THREAD_SANITIZER 1
#endif
#endif

namespace aio::detail {

namespace {

sigset_t all_signals() noexcept {
    sigset_t set;
    sigfillset(&set);
    return set;
}

} // namespace

SignalsBlocked::SignalsBlocked() noexcept {
    const sigset_t all = all_signals();
    pthread_sigmask(SIG_SETMASK, &all, &previous_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &previous_, nullptr); }

void block_all_signals() noexcept {
    const sigset_t all = all_signals();
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

void unblock_all_signals() noexcept {
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

void reset_signal_handlers() noexcept {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    for (int signal = 1; signal < NSIG; ++signal) {
        if (signal != SIGKILL && signal != SIGSTOP) {
            sigaction(signal, &action, nullptr);
        }
    }
}

void set_process_name([[maybe_unused]] const char* name) noexcept {
#ifdef __linux__
    prctl(PR_SET_NAME, name, 0, 0, 0);
#endif
}

bool die_with_parent(int parent) noexcept {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
    // The parent may have died before the request was made.
    return getppid() == parent;
}

std::size_t count_threads() {
#ifdef __linux__
    std::error_code error;
    const std::filesystem::directory_iterator tasks("/proc/self/task", error);
    return error ? 0 : static_cast<std::size_t>(std::distance(begin(tasks), end(tasks)));
#else
    return 0;
#endif
}

std::size_t forkable_threads() noexcept {
#ifdef AIO_THREAD_SANITIZER
    return 2;
#else
    return 1;
#endif
}

} // namespace aio::detail
