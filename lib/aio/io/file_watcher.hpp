#pragma once

/// `FileWatcher`: tells what changes in a directory, or in a file.
///
///     aio::FileWatcher watcher("conf.d");
///     while (auto change = co_await watcher.next()) co_await reload(change->path());
///
/// It is a hint, not a record. What systems tell differs: one act may give several changes, or one for
/// several; a file that is written may be seen half-written. What is below the directories of a watched
/// directory is not watched. When the watched thing itself is removed or renamed this tells of a renaming, of
/// its own name, and of what has the name then nothing: make a new watcher. A program that must not miss
/// anything looks itself, when it is told to and whenever it hears of an overflow.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/io/event_queue.hpp>
#include <aio/uv/fs_event.hpp>

namespace aio {

class EventLoop;

/// What a `FileWatcher` tells.
class FileChange {
public:
    enum class Kind : std::uint8_t {
        /// A name came, went, or was given to something else.
        renamed,
        /// Content or attributes changed.
        changed,
        /// So much has happened that this watcher, or the system, has dropped changes: anything may have
        /// changed.
        overflow
    };

    FileChange(Kind kind, std::filesystem::path path) : path_(std::move(path)), kind_(kind) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    /// What changed: in a watched directory, that with the name; the watched path itself where the system
    /// does not say, for a change of the directory itself, and for an overflow.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    friend bool operator==(const FileChange&, const FileChange&) = default;

private:
    std::filesystem::path path_;
    Kind kind_;
};

namespace detail {

/// The state behind a watcher.
class FileWatcherState final : public LoopResource {
public:
    /// So many changes are kept for a reader that is slow.
    static constexpr std::size_t limit = 1024;

    FileWatcherState(EventLoop& loop, std::filesystem::path path);
    ~FileWatcherState() { close(); }
    FileWatcherState(const FileWatcherState&) = delete;
    FileWatcherState& operator=(const FileWatcherState&) = delete;

    [[nodiscard]] EventQueue<FileChange>& queue() noexcept { return queue_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    void close() noexcept;
    void loop_closing() noexcept override { close(); }

private:
    void on_event(uv::FsEvent::What what, std::string_view name, int status) noexcept;
    /// The path that a name stands for that the system has given.
    [[nodiscard]] std::filesystem::path path_named(std::string_view name) const;
    void push(FileChange change);

    EventQueue<FileChange> queue_;
    std::filesystem::path path_;
    bool is_directory_;
    std::unique_ptr<uv::FsEvent> event_;
};

} // namespace detail

/// Watches while it lives; move-only. Belongs to the loop that runs where it is made.
class FileWatcher {
public:
    /// Begins to watch: what happens from here on is told. Throws `std::system_error` that names the path.
    explicit FileWatcher(const std::filesystem::path& path);
    FileWatcher(EventLoop& loop, const std::filesystem::path& path)
        : state_(std::make_unique<detail::FileWatcherState>(loop, path)) {}

    /// Gives the next change; nothing once the watcher is closed. Changes are kept until they are asked for,
    /// up to 1024: then one overflow takes the place of all that follow until there is room. A change like
    /// the last one that is kept is merged with it. Several tasks may wait, each change goes to one of them.
    /// Cancelling loses no change. Throws `std::system_error` if the system cannot watch any more.
    [[nodiscard]] detail::NextEventOperation<FileChange> next() {
        return detail::NextEventOperation<FileChange>(state().queue(), "the next change of a file");
    }
    /// Stops watching. Whoever waits gets nothing.
    void close() noexcept {
        if (state_) state_->close();
    }
    [[nodiscard]] const std::filesystem::path& path() const { return state().path(); }

private:
    [[nodiscard]] detail::FileWatcherState& state() const {
        if (!state_) throw RuntimeError("this file watcher has been moved from");
        return *state_;
    }
    std::unique_ptr<detail::FileWatcherState> state_;
};

} // namespace aio
