#include <aio/workers/child_signal_posix.hpp>

#include <aio/uv/pipe.hpp>
#include <aio/workers/descriptors_posix.hpp>

#include <unistd.h>
#ifdef __linux__
#include <sys/signalfd.h>
#endif

#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace aio::detail {

namespace {

sigset_t child_signal_set() noexcept {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return set;
}

} // namespace

#ifdef __linux__

ChildSignal::ChildSignal() {
    const sigset_t set = child_signal_set();
    readable_ = uv::Descriptor(signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
    if (!readable_.valid()) {
        throw std::system_error(errno, std::generic_category(), "cannot watch for ended child processes");
    }
}

#else

namespace {

volatile std::sig_atomic_t wake_descriptor = -1;

extern "C" void on_child_signal(int) {
    const int saved = errno;
    const char byte = 0;
    static_cast<void>(!::write(wake_descriptor, &byte, 1));
    errno = saved;
}

} // namespace

ChildSignal::ChildSignal() {
    uv::PipeEnds ends = uv::make_pipe();
    set_nonblocking(ends.read.get());
    set_nonblocking(ends.write.get());
    readable_ = std::move(ends.read);
    writable_ = std::move(ends.write);
    wake_descriptor = writable_.get();
    struct sigaction action{};
    action.sa_handler = on_child_signal;
    action.sa_flags = SA_RESTART;
    sigaction(SIGCHLD, &action, nullptr);
    const sigset_t set = child_signal_set();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

#endif

void ChildSignal::clear() noexcept {
    std::array<char, 512> buffer;
    ssize_t received = 0;
    do {
        received = ::read(readable_.get(), buffer.data(), buffer.size());
    } while (received > 0 || (received < 0 && errno == EINTR));
}

} // namespace aio::detail
