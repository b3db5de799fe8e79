#include <aio/uv/file_at_once.hpp>

#include <cerrno>

#include <sys/uio.h>
#include <unistd.h>

namespace aio::uv {

ReadAtOnce read_at_once([[maybe_unused]] int file, [[maybe_unused]] std::span<std::byte> memory,
                        [[maybe_unused]] std::uint64_t offset) noexcept {
#if defined(__linux__) && defined(RWF_NOWAIT)
    const iovec buffer{memory.data(), memory.size()};
    for (;;) {
        const ssize_t count = ::preadv2(file, &buffer, 1, static_cast<off_t>(offset), RWF_NOWAIT);
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
    return static_cast<std::uint64_t>(position);
}

} // namespace aio::uv
