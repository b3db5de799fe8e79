#pragma once

/// Not installed: libuv's kinds of directory entries.

#include <uv.h>

#include <aio/uv/fs.hpp>

namespace aio::uv::detail {

[[nodiscard]] FileType type_of_entry(uv_dirent_type_t type) noexcept;

} // namespace aio::uv::detail
