#pragma once

/// Bytes for the standard output.

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <span>
#include <system_error>

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#endif

namespace samples {

/// Writes these bytes as they are, and at once. (The C runtime of Windows would put a CR before each LF.)
/// Throws `std::system_error` if they cannot be written: nobody reads them any more, or a disk is full.
inline void write_out(std::span<const std::byte> bytes) {
#if defined(_WIN32)
    static_cast<void>(::_setmode(::_fileno(stdout), _O_BINARY));
#endif
    errno = 0;
    if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) != bytes.size() || std::fflush(stdout) != 0)
        throw std::system_error(errno, std::generic_category(), "write to the standard output");
}

} // namespace samples
