#include <aio/uv/file_at_once.hpp>

#include <io.h>
#include <windows.h>

#include <uv.h>

namespace aio::uv {

ReadAtOnce read_at_once(int, std::span<std::byte>, std::uint64_t) noexcept {
    return ReadAtOnce(AtOnce::unsupported);
}

std::optional<std::uint64_t> file_position_of(int file) noexcept {
    // Seeking in a pipe succeeds there, and means nothing.
    if (::GetFileType(reinterpret_cast<HANDLE>(::_get_osfhandle(file))) != FILE_TYPE_DISK)
        return std::nullopt;
    const std::int64_t position = ::_lseeki64(file, 0, SEEK_CUR);
    if (position < 0) return std::nullopt;
    return static_cast<std::uint64_t>(position);
}

int move_file_position(int file, std::uint64_t position) noexcept {
    return ::_lseeki64(file, static_cast<std::int64_t>(position), SEEK_SET) < 0 ? UV_EINVAL : 0;
}

} // namespace aio::uv
