#pragma once

/// What the layers above need to know about threads beyond the C++ standard library.

#include <cstddef>
#include <optional>
#include <string>

namespace aio::uv {

/// Names the calling thread for debuggers and `ps`, as far as the system can. Where names are short, the end
/// is kept: it is what tells threads of one pool apart.
void set_thread_name(const std::string& name) noexcept;

/// How many threads this process has just now, less one of ThreadSanitizer's own; none where the system
/// does not tell.
[[nodiscard]] std::optional<std::size_t> count_threads() noexcept;

} // namespace aio::uv
