#include <aio/uv/file_copy.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <uv.h>

#include <aio/uv/descriptor.hpp>

namespace aio::uv {
namespace {

/// So much goes in one step.
constexpr std::size_t step_size = std::size_t(64) << 20;
/// So much at a time by way of this program's memory.
constexpr std::size_t piece_size = std::size_t(128) << 10;
constexpr int cautiously = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

int error_unless_regular(const struct stat& status) noexcept {
    if (S_ISREG(status.st_mode)) return 0;
    return S_ISDIR(status.st_mode) ? UV_EISDIR : UV_ENOTSUP;
}

/// Whether a change of permissions has failed because the file system knows none: even the owner is refused.
bool has_no_permissions(const struct stat& file) noexcept {
    return errno == ENOTSUP || errno == ENOSYS || (errno == EPERM && file.st_uid == ::geteuid());
}

bool is_same(const struct stat& a, const struct stat& b) noexcept {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

} // namespace

/// The two files, once they are open.
class FileCopy::SystemWork final : public Work {
public:
    SystemWork(std::string from, std::string to, bool exclusive) noexcept
        : from_(std::move(from)), to_(std::move(to)), exclusive_(exclusive) {}
    ~SystemWork() override { static_cast<void>(SystemWork::give_up()); }
    Descriptor give_up() noexcept override {
        if (half_made_) remove_target();
        half_made_ = false;
        return std::move(target_);
    }

    int advance() noexcept override {
        if (!source_.valid()) {
            const int status = open_both();
            if (status <= 0) return status;
        }
        const int status = by_kernel_ ? copy_by_kernel() : copy_by_hand();
        return status == 0 ? finish() : status;
    }

private:
    /// 1 when there is something to copy, 0 when all is done, or a negative error.
    int open_both() noexcept {
        // To open other things has effects: a pipe's writer goes on, some devices begin to work. Should one
        // be put there meanwhile, it is not waited for at least.
        struct stat source;
        if (::stat(from_.c_str(), &source) != 0) return -errno;
        if (const int error = error_unless_regular(source); error < 0) return error;
        source_ = Descriptor(::open(from_.c_str(), O_RDONLY | cautiously));
        if (!source_.valid() || ::fstat(source_.get(), &source) != 0) return -errno;
        if (const int error = error_unless_regular(source); error < 0) return error;
        struct stat target;
        const bool exists = ::stat(to_.c_str(), &target) == 0;
        if (exists && exclusive_) return UV_EEXIST;
        if (exists) {
            if (const int error = error_unless_regular(target); error < 0) return error;
            if (is_same(source, target)) return 0;
        }
        const int flags = O_WRONLY | O_CREAT | cautiously | (exclusive_ ? O_EXCL : 0);
        target_ = Descriptor(::open(to_.c_str(), flags, source.st_mode & 0777U));
        if (!target_.valid() || ::fstat(target_.get(), &target) != 0) return -errno;
        if (const int error = error_unless_regular(target); error < 0) return error;
        made_ = target;
        // Before anything is lost: who may write the file need not own it.
        if ((target.st_mode & 07777U) != (source.st_mode & 07777U) &&
            ::fchmod(target_.get(), source.st_mode & 07777U) != 0 && !has_no_permissions(target)) {
            const int error = -errno;
            half_made_ = !exists;
            return error;
        }
        half_made_ = true;
        if (::ftruncate(target_.get(), 0) != 0) return -errno;
        if (::ioctl(target_.get(), FICLONE, source_.get()) == 0) return finish();
        return 1;
    }

    int copy_by_kernel() noexcept {
        const ssize_t count = ::copy_file_range(source_.get(), nullptr, target_.get(), nullptr, step_size, 0);
        // It also gives 0 for files that it cannot read in this way: whether this is the end shows when the
        // rest is read.
        if (count <= 0) by_kernel_ = count < 0 && errno == EINTR;
        if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO))
            return -errno;
        return 1;
    }

    int copy_by_hand() noexcept {
        std::array<std::byte, piece_size> piece;
        for (std::size_t copied = 0; copied < step_size;) {
            const ssize_t count = ::read(source_.get(), piece.data(), piece.size());
            if (count < 0 && errno == EINTR) continue;
            if (count <= 0) return count == 0 ? 0 : -errno;
            copied += static_cast<std::size_t>(count);
            for (ssize_t written = 0; written < count;) {
                const ssize_t part =
                    ::write(target_.get(), piece.data() + written, static_cast<std::size_t>(count - written));
                if (part < 0 && errno != EINTR) return -errno;
                if (part > 0) written += part;
            }
        }
        return 1;
    }

    int finish() noexcept {
        // Some file systems tell only now that there was no room.
        const int fd = target_.release();
        if (::close(fd) != 0 && errno != EINTR) return -errno;
        half_made_ = false;
        return 0;
    }

    /// Not what a link leads to, nor what somebody has put in its place.
    void remove_target() const noexcept {
        struct stat there;
        if (::lstat(to_.c_str(), &there) == 0 && is_same(made_, there)) ::unlink(to_.c_str());
    }

    std::string from_;
    std::string to_;
    bool exclusive_;
    Descriptor source_;
    Descriptor target_;
    struct stat made_{};
    /// The target is not what it was, and not yet what it is to be.
    bool half_made_ = false;
    bool by_kernel_ = true;
};

std::unique_ptr<FileCopy::Work> FileCopy::begin(std::string from, std::string to, bool exclusive) {
    return std::make_unique<SystemWork>(std::move(from), std::move(to), exclusive);
}

} // namespace aio::uv
