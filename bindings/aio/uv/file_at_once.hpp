#pragma once

/// What can be done with an open file on the calling thread, because it never waits for a device.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace aio::uv {

/// How an attempt to read at once ended.
enum class AtOnce : std::uint8_t {
    done,
    /// The bytes are not in memory: a thread has to read them.
    would_wait,
    /// This system, or this file system, cannot tell.
    unsupported
};

/// A read that was tried.
class ReadAtOnce {
public:
    explicit ReadAtOnce(AtOnce result, std::size_t count = 0) noexcept : count_(count), result_(result) {}
    [[nodiscard]] AtOnce result() const noexcept { return result_; }
    /// How many bytes were read; 0 at the end of the file.
    [[nodiscard]] std::size_t count() const noexcept { return count_; }

private:
    std::size_t count_;
    AtOnce result_;
};

/// Reads what of a file is in the page cache, at an offset; perhaps fewer bytes than there is memory for.
/// Linux alone can do that.
[[nodiscard]] ReadAtOnce read_at_once(int file, std::span<std::byte> memory, std::uint64_t offset) noexcept;

/// The position of an open file; nothing if it has none, as a pipe or a terminal.
[[nodiscard]] std::optional<std::uint64_t> file_position_of(int file) noexcept;
/// Sets it, where there is one. Processes that share the open file share its position. Returns 0 or a
/// negative libuv error: file systems refuse what is beyond their largest file.
[[nodiscard]] int move_file_position(int file, std::uint64_t position) noexcept;
/// Whether what is written at an offset to a file that is open for appending goes to its end, as on Linux,
/// and not there (POSIX).
#if defined(__linux__)
inline constexpr bool appends_at_offset = true;
#else
inline constexpr bool appends_at_offset = false;
#endif

} // namespace aio::uv
