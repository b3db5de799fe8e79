#include <aio/uv/file_at_once.hpp>

#include <cerrno>

#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace aio::uv {

#if defined(__linux__) && defined(RWF_NOWAIT)
namespace {

bool is_end(int file, std::uint64_t offset) noexcept {
    struct stat status;
    return ::fstat(file, &status) == 0 && S_ISREG(status.st_mode) &&
           offset >= static_cast<std::uint64_t>(status.st_size);
}

} // namespace
#endif

ReadAtOnce read_at_once([[maybe_unused]] int file, [[maybe_unused]] std::span<std::byte> memory,
                        [[maybe_unused]] std::uint64_t offset) noexcept {
#if defined(__linux__) && defined(RWF_NOWAIT)
    const iovec buffer{memory.data(), memory.size()};
    for (;;) {
        const ssize_t count = ::preadv2(file, &buffer, 1, static_cast<off_t>(offset), RWF_NOWAIT);
        // Linux 5.9 and 5.10 may say 0 where there is more (preadv2(2), BUGS), which is not the end then.
        if (count == 0 && !is_end(file, offset)) return ReadAtOnce(AtOnce::would_wait);
        if (count >= 0) return ReadAtOnce(AtOnce::done, static_cast<std::size_t>(count));
        if (errno == EINTR) continue;
        // A real error comes again, and is told, when a thread reads.
        return ReadAtOnce(errno == EAGAIN ? AtOnce::would_wait : AtOnce::unsupported);
    }
#else
    return ReadAtOnce(AtOnce::unsupported);
#endif
}

std::optional<std::uint64_t> file_position_of(int file) noexcept {
    const off_t position = ::lseek(file, 0, SEEK_CUR);
    if (position < 0) return std::nullopt;
    // Some that have no positions say 0, as those of eventfd(2).
    if (::pread(file, nullptr, 0, 0) < 0 && errno == ESPIPE) return std::nullopt;
    return static_cast<std::uint64_t>(position);
}

int move_file_position(int file, std::uint64_t position) noexcept {
    return ::lseek(file, static_cast<off_t>(position), SEEK_SET) < 0 ? -errno : 0;
}

} // namespace aio::uv
