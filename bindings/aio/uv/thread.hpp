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
/// does not tell, as on Windows: listing threads there means a snapshot of all processes, and the system's
/// own threads among this one's come and go.
[[nodiscard]] std::optional<std::size_t> count_threads() noexcept;

/// Calls `function(argument)` when the calling thread ends, on it; of several calls the latest comes first.
/// The function must not throw; it may call this again, and may find `thread_local` variables reset. Gives
/// false, and does nothing, if memory lacks, or if the thread has come too far: to destructors of
/// `thread_local` objects that are older than the first call of this on that thread.
///
/// This stands in for `thread_local` objects that have destructors, which the library does without: GCC for
/// mingw-w64 frees the memory of such objects before it destroys them. There, what the main thread has asked
/// for is not called when the program ends.
[[nodiscard]] bool at_thread_exit(void (*function)(void*), void* argument) noexcept;

} // namespace aio::uv
