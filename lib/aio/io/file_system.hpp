#pragma once

/// What asyncio programs do with `os` and `shutil` in a thread: names in the file system, without blocking
/// the loop.
///
///     if (!co_await aio::exists(path)) co_await aio::make_directories(path);
///
/// Write the `aio::` before these names: the C library has functions called `stat` and `rename`, and
/// `std::filesystem` others that a path among the arguments brings in. How they are cancelled says
/// <aio/io/file_operation.hpp>; all throw `std::system_error` that names the operation and the path, and
/// `ValueError` for a null character in a path.

#include <cstdint>
#include <filesystem>
#include <optional>

#include <aio/core/coro.hpp>
#include <aio/io/file_operation.hpp>
#include <aio/uv/fs.hpp>

namespace aio {

using FileStatus = uv::FileStatus;
using FileType = uv::FileType;

/// What the system knows about a file; of a symbolic link, about what it points to.
[[nodiscard]] FileOperation<FileStatus> stat(const std::filesystem::path& path);
/// The same about the link itself.
[[nodiscard]] FileOperation<FileStatus> lstat(const std::filesystem::path& path);
/// Whether there is something of that name that can be examined; a link that points nowhere does not exist.
/// Throws what `stat` throws, except for missing files and directories.
[[nodiscard]] Coro<bool> exists(std::filesystem::path path);

/// Makes a directory, with these permissions less the process's mask. Fails (file_exists) if the name is
/// taken.
[[nodiscard]] FileOperation<void> mkdir(const std::filesystem::path& path,
                                        std::filesystem::perms permissions = std::filesystem::perms::all);
/// Makes a directory and those above it that are missing (`os.makedirs(exist_ok=True)`). Cancelled: some may
/// have been made.
[[nodiscard]] Coro<> make_directories(std::filesystem::path path);
/// Removes an empty directory.
[[nodiscard]] FileOperation<void> rmdir(const std::filesystem::path& path);
/// Removes a name of a file; an open file lives on until it is closed.
[[nodiscard]] FileOperation<void> remove(const std::filesystem::path& path);
/// Removes a directory with all that is in it (`shutil.rmtree`), or a file; links are removed, not followed,
/// also those that somebody puts in the place of a directory meanwhile. What disappears meanwhile is no
/// error; nothing being there from the beginning is. (On Windows directories are held open while it is in
/// them, so that others cannot move them, nor remove them: of two that remove one tree at once one may fail.)
/// It goes on in steps of some entries, between which it can be cancelled. Cancelled or failed: part of it
/// has been removed.
[[nodiscard]] Coro<> remove_tree(std::filesystem::path path);

/// Gives a file or directory another name, in the same file system, in one step; what had that name is
/// replaced.
[[nodiscard]] FileOperation<void> rename(const std::filesystem::path& from, const std::filesystem::path& to);

/// Whether `copy_file` may replace a file.
enum class CopyMode : std::uint8_t { replace, fail_if_exists };
/// Copies a regular file with its permissions, as a clone or inside the kernel where the system can do that.
/// One that was cancelled or failed half way is removed, also where it was to replace a file; of a link's
/// target the part that is there stays. If one of the two is a directory (is_a_directory) or anything else
/// that is no regular file (not_supported), nothing happens to either. (Elsewhere than on Linux the copy
/// occupies one thread for its whole length, and cannot be cancelled once it has begun.)
[[nodiscard]] Coro<> copy_file(std::filesystem::path from, std::filesystem::path to,
                               CopyMode mode = CopyMode::replace);

/// Gives a file a second name.
[[nodiscard]] FileOperation<void> link(const std::filesystem::path& target,
                                       const std::filesystem::path& name);
/// Makes a symbolic link called `name` that points to `target`. `to_directory` matters on Windows alone.
[[nodiscard]] FileOperation<void> symlink(const std::filesystem::path& target,
                                          const std::filesystem::path& name, bool to_directory = false);
/// Where a symbolic link points.
[[nodiscard]] FileOperation<std::filesystem::path> readlink(const std::filesystem::path& path);
/// The absolute path, without links, "." and ".." in it. Everything must exist.
[[nodiscard]] FileOperation<std::filesystem::path> realpath(const std::filesystem::path& path);
/// Sets the permissions.
[[nodiscard]] FileOperation<void> chmod(const std::filesystem::path& path,
                                        std::filesystem::perms permissions);

} // namespace aio
