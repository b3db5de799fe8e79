#pragma once

/// Removes a directory with everything below it, without ever leaving it.
///
/// Between two looks at a name somebody may put a link in the place of a directory, so that whoever goes by
/// paths deletes what the link points to (CVE-2022-21658). Here each directory is reached from the one above
/// it, which stays open, and a link in its place is removed as a link.

#include <cstddef>
#include <memory>
#include <string>

namespace aio::uv {

/// A removal under way: a directory, or anything else, of which a link is removed and not followed. What
/// disappears meanwhile is no error. It blocks, and holds a number of open directories that does not grow
/// with the depth (on Windows, one for each level, which nobody else can remove meanwhile). To be used by one
/// thread at a time, as by `StepRequest`.
class TreeRemoval {
public:
    /// The path is in UTF-8; slashes at its end do not count.
    explicit TreeRemoval(std::string path);
    TreeRemoval(const TreeRemoval&) = delete;
    TreeRemoval& operator=(const TreeRemoval&) = delete;
    /// Closes the directories. What has not been removed remains.
    ~TreeRemoval() = default;

    /// So many that others who need the thread, and a cancellation, do not wait long.
    static constexpr std::size_t entries_of_a_step = 32;
    /// Goes on for so many entries; false when nothing is left to do, because all is gone or for a failure.
    bool step(std::size_t entries = entries_of_a_step) noexcept;
    /// 0, or the negative libuv error that ended it: no_such_file_or_directory if the path itself was not
    /// there.
    [[nodiscard]] int status() const noexcept { return status_; }
    /// What failed, and of which path: "remove directory tree/below".
    [[nodiscard]] const std::string& failed() const noexcept { return failed_; }

private:
    /// The directories that it is in, which each system enters and leaves in its own way.
    class Levels;

    /// Goes on by one entry; false at the end.
    bool advance();

    std::unique_ptr<Levels, void (*)(Levels*) noexcept> levels_;
    std::string failed_;
    int status_ = 0;
};

} // namespace aio::uv
