#pragma once
// What the worker module needs to do with file descriptors beyond what the bindings do. Everything made here
// is close-on-exec and none of the standard descriptors.

#include <cstddef>
#include <span>
#include <utility>

#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// Makes reads and writes of `fd` return at once. Throws std::system_error.
void set_nonblocking(int fd);

/// Opens /dev/null as standard input, whatever it was, and as standard output and error where they are
/// closed.
void detach_stdin() noexcept;

/// Closes every descriptor of this process above `last_kept`, which is at least 2, but the given ones.
void close_all_above(int last_kept, std::span<const int> keep) noexcept;

/// In a forked copy: replaces every inherited descriptor above 2, and every hole among them, by /dev/null,
/// and moves `keep` above them all. Returns the highest number so occupied, or 2. Closing them would free
/// their numbers, and libraries that re-open descriptors of their own in each forked child (libuv does, from
/// pthread_atfork, and closes the old numbers first) would then close or take numbers that have come to mean
/// something else.
[[nodiscard]] int occupy_inherited(uv::Descriptor& keep) noexcept;

/// In a copy forked from there: closes what still is /dev/null up to `last_inherited`, now that libraries
/// have re-opened theirs.
void close_occupied(int last_inherited) noexcept;

/// Writes all bytes to a blocking descriptor, through interruptions. False when it fails; see errno.
[[nodiscard]] bool write_all(int fd, std::span<const std::byte> bytes) noexcept;

/// A file without a name, to which whatever is written is appended. Throws std::system_error.
[[nodiscard]] uv::Descriptor make_text_file();

/// A descriptor for the child process `pid`, or none where the system has no such thing.
[[nodiscard]] uv::Descriptor open_pidfd(int pid) noexcept;

/// Sends `signal` to the very process that `pidfd` stands for, even if its number has been given away since.
/// False when it is gone or the system has no pidfds; see errno.
[[nodiscard]] bool send_signal(const uv::Descriptor& pidfd, int signal) noexcept;

} // namespace aio::detail
