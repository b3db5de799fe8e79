#include <aio/workers/descriptors_posix.hpp>

#include <dirent.h>
#include <fcntl.h>
#ifdef __linux__
#include <sys/mman.h>
#endif
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <system_error>
#include <vector>

namespace aio::detail {

namespace {

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

} // namespace

void set_nonblocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        throw_errno("cannot make a descriptor non-blocking");
    }
}

void detach_stdin() noexcept {
    uv::open_standard_descriptors();
    const uv::Descriptor nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (nothing.valid()) {
        dup2(nothing.get(), STDIN_FILENO);
    }
}

namespace {

/// Closes [first, last]. False where the system cannot.
bool close_range_at_once([[maybe_unused]] unsigned first, [[maybe_unused]] unsigned last) noexcept {
#if defined(__linux__) && defined(SYS_close_range)
    return first > last || syscall(SYS_close_range, first, last, 0U) == 0;
#else
    return false;
#endif
}

/// The open descriptors, or all numbers that may be open where they cannot be listed.
std::vector<int> open_descriptors() {
    struct CloseDirectory {
        void operator()(DIR* directory) const noexcept { closedir(directory); }
    };
#ifdef __linux__
    const char* path = "/proc/self/fd";
#else
    const char* path = "/dev/fd";
#endif
    std::vector<int> fds;
    const std::unique_ptr<DIR, CloseDirectory> directory(opendir(path));
    if (directory != nullptr) {
        while (const dirent* entry = readdir(directory.get())) {
            const int fd = std::atoi(entry->d_name);
            if (fd > STDERR_FILENO && fd != dirfd(directory.get())) {
                fds.push_back(fd);
            }
        }
        return fds;
    }
    const long limit = std::min(sysconf(_SC_OPEN_MAX), 65536L);
    for (int fd = STDERR_FILENO + 1; fd < limit; ++fd) {
        fds.push_back(fd);
    }
    return fds;
}

} // namespace

void close_all_above(int last_kept, std::span<const int> keep) noexcept {
    std::vector<int> sorted(keep.begin(), keep.end());
    std::sort(sorted.begin(), sorted.end());
    unsigned next = static_cast<unsigned>(last_kept) + 1;
    bool closed = true;
    for (const int fd : sorted) {
        if (fd > last_kept) {
            closed = closed && close_range_at_once(next, static_cast<unsigned>(fd) - 1);
            next = static_cast<unsigned>(fd) + 1;
        }
    }
    if (closed && close_range_at_once(next, ~0U)) {
        return;
    }
    for (const int fd : open_descriptors()) {
        if (fd > last_kept && !std::binary_search(sorted.begin(), sorted.end(), fd)) {
            ::close(fd);
        }
    }
}

int occupy_inherited(uv::Descriptor& keep) noexcept {
    // Above the limit there can be descriptors of a tool that watches this process, such as valgrind: not
    // ours to touch.
    rlimit limit{};
    const bool limited = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    int highest = STDERR_FILENO;
    for (const int fd : open_descriptors()) {
        if (fd != keep.get() && (!limited || static_cast<rlim_t>(fd) < limit.rlim_cur)) {
            highest = std::max(highest, fd);
        }
    }
    if (keep.get() < highest) {
        if (const int moved = fcntl(keep.get(), F_DUPFD_CLOEXEC, highest + 1); moved >= 0) {
            keep = uv::Descriptor(moved);
        }
    }
    uv::Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const uv::Descriptor filler(fcntl(null.get(), F_DUPFD_CLOEXEC, highest + 1));
    if (null.get() > STDERR_FILENO && null.get() <= highest) {
        // It fills a hole itself, and stays there.
        static_cast<void>(null.release());
    }
    for (int fd = STDERR_FILENO + 1; fd <= highest; ++fd) {
        if (fd != keep.get() && dup2(filler.get(), fd) >= 0) {
            fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
    }
    return highest;
}

void close_occupied(int last_inherited) noexcept {
    struct stat null{};
    if (::stat("/dev/null", &null) != 0) {
        return;
    }
    for (int fd = STDERR_FILENO + 1; fd <= last_inherited; ++fd) {
        struct stat here{};
        if (fstat(fd, &here) == 0 && S_ISCHR(here.st_mode) && here.st_rdev == null.st_rdev) {
            ::close(fd);
        }
    }
}

bool write_all(int fd, std::span<const std::byte> bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

uv::Descriptor make_text_file() {
#ifdef __linux__
    uv::Descriptor file(memfd_create("aio-worker-text", MFD_CLOEXEC));
#else
    char path[] = "/tmp/aio-worker-XXXXXX";
    uv::Descriptor file(mkstemp(path));
    if (file.valid()) {
        unlink(path);
        fcntl(file.get(), F_SETFD, FD_CLOEXEC);
    }
#endif
    if (!file.valid() || fcntl(file.get(), F_SETFL, O_APPEND) < 0) {
        throw std::system_error(errno, std::generic_category(), "cannot make a file for a worker's output");
    }
    return uv::above_standard(std::move(file));
}

uv::Descriptor open_pidfd([[maybe_unused]] int pid) noexcept {
#if defined(__linux__) && defined(SYS_pidfd_open)
    return uv::Descriptor(static_cast<int>(syscall(SYS_pidfd_open, pid, 0U)));
#else
    return uv::Descriptor();
#endif
}

bool send_signal([[maybe_unused]] const uv::Descriptor& pidfd, [[maybe_unused]] int signal) noexcept {
#if defined(__linux__) && defined(SYS_pidfd_send_signal)
    return syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0U) == 0;
#else
    errno = ENOSYS;
    return false;
#endif
}

} // namespace aio::detail
