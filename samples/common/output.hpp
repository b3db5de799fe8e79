#pragma once

/// Bytes for the standard output.

#include <cstddef>
#include <cstdio>
#include <span>

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#endif

namespace samples {

/// Writes these bytes as they are, and at once. (The C runtime of Windows would put a CR before each LF.)
inline void write_out(std::span<const std::byte> bytes) {
#if defined(_WIN32)
    static_cast<void>(::_setmode(::_fileno(stdout), _O_BINARY));
#endif
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
}

} // namespace samples
