#pragma once
// UniqueFd: owns one file descriptor and closes it.

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace aio {

/// A file descriptor, or none (-1). Closing never touches errno.
class UniqueFd {
public:
    UniqueFd() noexcept = default;

    /// Takes ownership of `fd`; a negative number means none.
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}

    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives the descriptor up without closing it.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes the descriptor, if any, and owns `fd` instead. close() is not repeated after EINTR: the number
    /// is free by then.
    void reset(int fd = -1) noexcept {
        if (fd_ >= 0) {
            const int saved = errno;
            ::close(fd_);
            errno = saved;
        }
        fd_ = fd;
    }

private:
    int fd_ = -1;
};

} // namespace aio
