#include <aio/workers/zygote_process_posix.hpp>

#include <aio/workers/descriptors_posix.hpp>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace aio {

namespace {

constexpr int patience_milliseconds = 1000;

} // namespace

ZygoteProcess::ZygoteProcess(int pid, uv::Descriptor control) noexcept
    : pid_(pid), owner_(getpid()), control_(std::move(control)) {}

ZygoteProcess::ZygoteProcess(ZygoteProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      owner_(other.owner_),
      control_(std::move(other.control_)),
      reaped_(other.reaped_),
      status_(other.status_) {}

ZygoteProcess& ZygoteProcess::operator=(ZygoteProcess&& other) noexcept {
    if (this != &other) {
        stop();
        pid_ = std::exchange(other.pid_, -1);
        owner_ = other.owner_;
        control_ = std::move(other.control_);
        reaped_ = other.reaped_;
        status_ = other.status_;
    }
    return *this;
}

ZygoteProcess::~ZygoteProcess() { stop(); }

std::optional<int> ZygoteProcess::exit_status() noexcept {
    if (!reaped_ && pid_ > 0) {
        int status = 0;
        const pid_t result = waitpid(pid_, &status, WNOHANG);
        if (result == pid_) {
            reaped_ = true;
            status_ = status;
        } else if (result < 0 && errno == ECHILD) {
            reaped_ = true;
        }
    }
    return status_;
}

void ZygoteProcess::stop() noexcept {
    control_.close();
    if (pid_ <= 0 || reaped_ || getpid() != owner_) {
        return;
    }
    if (const uv::Descriptor pidfd = detail::open_pidfd(pid_); pidfd.valid()) {
        pollfd ended{pidfd.get(), POLLIN, 0};
        ::poll(&ended, 1, patience_milliseconds);
        static_cast<void>(exit_status());
    } else {
        for (int i = 0; i < patience_milliseconds && !exit_status() && !reaped_; ++i) {
            ::poll(nullptr, 0, 1);
        }
    }
    if (!reaped_) {
        ::kill(pid_, SIGKILL);
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
        }
    }
    pid_ = -1;
}

} // namespace aio
