#pragma once

/// Files and directories that are removed when they are no longer needed (`tempfile` in Python).
///
///     aio::TemporaryDirectory scratch = co_await aio::TemporaryDirectory::create();
///     co_await aio::write_file(scratch.path() / "part", data);

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include <aio/core/coro.hpp>
#include <aio/core/loop_state.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/file.hpp>

namespace aio {
namespace detail {

/// A path that is removed, with everything below it, when this goes: by a thread, or at once if the loop is
/// closed. Errors go nowhere.
class RemovedAtEnd {
public:
    RemovedAtEnd(LoopState& loop, std::filesystem::path path) : loop_(&loop), path_(std::move(path)) {}
    RemovedAtEnd(RemovedAtEnd&& other) noexcept
        : loop_(std::move(other.loop_)), path_(std::exchange(other.path_, std::filesystem::path())) {}
    /// What this had is removed now.
    RemovedAtEnd& operator=(RemovedAtEnd&& other) noexcept {
        RemovedAtEnd taken(std::move(other));
        std::swap(loop_, taken.loop_);
        std::swap(path_, taken.path_);
        return *this;
    }
    ~RemovedAtEnd();

    /// Empty once it has been kept or moved from.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// It stays; gives the path.
    std::filesystem::path keep() noexcept { return std::exchange(path_, std::filesystem::path()); }
    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }

private:
    Ref<LoopState> loop_;
    std::filesystem::path path_;
};

/// Opens a file for reading and writing whose name did not exist: `stem` and eight characters. Its
/// permissions are those of any new file, or `private_file`. Cancelled: nothing remains.
[[nodiscard]] Coro<std::pair<RemovedAtEnd, File>> create_unique_file(std::filesystem::path stem,
                                                                     bool private_file);

} // namespace detail

/// A file with a name of its own, open for reading and writing, that only this user may open; move-only.
/// Destroying it, or assigning another to it, closes and removes it, in the background.
class TemporaryFile {
public:
    /// In `directory`, or where the system has temporary files. The name begins with `prefix`. Cancelled:
    /// nothing remains.
    [[nodiscard]] static Coro<TemporaryFile> create(std::filesystem::path directory = {},
                                                    std::string prefix = "tmp");

    [[nodiscard]] File& file() noexcept { return file_; }
    /// Absolute.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return removal_.path(); }
    /// The file stays when this is destroyed; gives its path.
    std::filesystem::path keep() noexcept { return removal_.keep(); }

private:
    TemporaryFile(File file, detail::RemovedAtEnd removal) noexcept
        : removal_(std::move(removal)), file_(std::move(file)) {}
    detail::RemovedAtEnd removal_;
    File file_;
};

/// A directory with a name of its own that only this user may enter; move-only. Destroying it, or assigning
/// another to it, removes it with all that is in it, in the background.
class TemporaryDirectory {
public:
    /// As `TemporaryFile::create`.
    [[nodiscard]] static Coro<TemporaryDirectory> create(std::filesystem::path directory = {},
                                                         std::string prefix = "tmp");

    /// Absolute.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return removal_.path(); }
    /// The directory stays when this is destroyed; gives its path.
    std::filesystem::path keep() noexcept { return removal_.keep(); }
    /// Removes it now. Throws `std::system_error`; then, and when it is cancelled, the rest is removed in the
    /// background. Does nothing when it has been removed or kept.
    [[nodiscard]] Coro<> remove();

private:
    explicit TemporaryDirectory(detail::RemovedAtEnd removal) noexcept : removal_(std::move(removal)) {}
    detail::RemovedAtEnd removal_;
};

} // namespace aio
