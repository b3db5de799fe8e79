#pragma once

/// Going through directories: `scandir` gives the entries of one, `walk` everything below it.
///
///     auto files = aio::walk("/usr/include");
///     while (auto entry = co_await files.next())
///         if (entry->type() == aio::FileType::regular) paths.push_back(entry->path());
///
/// Entries come in the order in which the file system has them, and are read some at a time, so that large
/// directories need little memory. What is added or removed meanwhile may be seen or not.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/async_generator.hpp>
#include <aio/core/coro.hpp>
#include <aio/core/ref.hpp>
#include <aio/uv/directory.hpp>
#include <aio/uv/fs.hpp>

namespace aio {

using FileType = uv::FileType;

/// One name in a directory.
class DirectoryEntry {
public:
    DirectoryEntry(std::filesystem::path path, FileType type, int depth = 0)
        : path_(std::move(path)), type_(type), depth_(depth) {}

    /// The directory's path, as it was given, with the name.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::filesystem::path name() const { return path_.filename(); }
    /// Of the entry itself: `symlink` for a symbolic link, whatever it points to.
    [[nodiscard]] FileType type() const noexcept { return type_; }
    [[nodiscard]] bool is_directory() const noexcept { return type_ == FileType::directory; }
    [[nodiscard]] bool is_regular() const noexcept { return type_ == FileType::regular; }
    [[nodiscard]] bool is_symlink() const noexcept { return type_ == FileType::symlink; }
    /// In a `walk`, how far below: 0 for entries of the directory it began with.
    [[nodiscard]] int depth() const noexcept { return depth_; }

private:
    std::filesystem::path path_;
    FileType type_;
    int depth_;
};

/// What `walk` does beyond the usual.
class WalkOptions {
public:
    WalkOptions() noexcept = default;
    /// Enters directories that symbolic links point to; each directory is entered once, so loops end. A link
    /// that points nowhere is an entry like others; one whose target cannot be examined (no permission) is a
    /// directory that cannot be read.
    WalkOptions& follow_symlinks(bool on) noexcept { return follow_symlinks_ = on, *this; }
    /// Skips directories that cannot be read (no permission, removed meanwhile) instead of throwing.
    WalkOptions& skip_errors(bool on) noexcept { return skip_errors_ = on, *this; }
    /// How deep to go: 0 is the directory alone.
    WalkOptions& max_depth(int depth) noexcept { return max_depth_ = depth, *this; }

    [[nodiscard]] bool follow_symlinks() const noexcept { return follow_symlinks_; }
    [[nodiscard]] bool skip_errors() const noexcept { return skip_errors_; }
    [[nodiscard]] int max_depth() const noexcept { return max_depth_; }

private:
    int max_depth_ = 1 << 30;
    bool follow_symlinks_ = false;
    bool skip_errors_ = false;
};

/// The entries of a directory, without "." and "..". `next` throws `std::system_error` that names it.
[[nodiscard]] AsyncGenerator<DirectoryEntry> scandir(std::filesystem::path path);

/// Everything below a directory: all entries of one directory, then those of the directories in it. `next`
/// throws `std::system_error` that names the directory that could not be read, which ends the walk.
[[nodiscard]] AsyncGenerator<DirectoryEntry> walk(std::filesystem::path path,
                                                  WalkOptions options = WalkOptions());

namespace detail {

/// An open directory, shared with a thread that may be reading it.
class OpenDirectory final : public RefCounted {
public:
    explicit OpenDirectory(uv::Directory d) noexcept : directory(std::move(d)) {}
    uv::Directory directory;
};

/// Reads a directory in batches.
class DirectoryReader {
public:
    explicit DirectoryReader(std::filesystem::path path, int depth = 0)
        : path_(std::move(path)), depth_(depth) {}
    /// The next entries, with their types; none at the end. This object must stay until the await has ended.
    [[nodiscard]] Coro<std::vector<DirectoryEntry>> read_entries();

private:
    std::filesystem::path path_;
    Ref<OpenDirectory> open_;
    int depth_;
};

/// A path that libuv has given, in UTF-8.
[[nodiscard]] std::filesystem::path path_of(const std::string& text);

} // namespace detail
} // namespace aio
