#pragma once

/// What a system that knows little about signals has to be told: which ones `Signal` can watch, and does.

namespace aio::uv::detail {

/// Whether libuv should be asked to watch a signal at all: it says what the system refuses, but Windows
/// refuses nothing.
bool can_be_watched(int signum) noexcept;

/// A `Signal` watches for `now` instead of `before`; 0 is none. From any thread.
void watch_moved(int before, int now) noexcept;

} // namespace aio::uv::detail
