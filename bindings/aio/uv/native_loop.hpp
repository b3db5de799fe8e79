#pragma once

/// The name of libuv's own loop type, for declarations that only pass pointers to it.

struct uv_loop_s;

namespace aio::uv {

/// `uv_loop_t`.
using NativeLoop = uv_loop_s;

} // namespace aio::uv
