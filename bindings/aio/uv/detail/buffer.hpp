#pragma once

/// Not installed: memory as libuv takes it.

#include <algorithm>
#include <cstddef>
#include <span>

#include <uv.h>

namespace aio::uv::detail {

/// No request carries more: Windows counts the bytes of a buffer with 32 bits, and macOS refuses to write
/// what 31 bits cannot count.
constexpr std::size_t most_at_once = std::size_t(64) << 20;

/// The bytes, or the first of them. libuv's buffers serve both directions; those of a write are only read.
inline uv_buf_t buffer(std::span<const std::byte> data) noexcept {
    uv_buf_t buf;
    buf.base = reinterpret_cast<char*>(const_cast<std::byte*>(data.data()));
    buf.len = static_cast<decltype(buf.len)>(std::min(data.size(), most_at_once));
    return buf;
}

} // namespace aio::uv::detail
