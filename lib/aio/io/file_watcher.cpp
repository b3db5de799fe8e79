#include <aio/io/file_watcher.hpp>

#include <new>
#include <system_error>

#include <aio/core/event_loop.hpp>
#include <aio/io/directory.hpp>
#include <aio/io/file_operation.hpp>

namespace aio {
namespace detail {

FileWatcherState::FileWatcherState(EventLoop& loop, std::filesystem::path path)
    : queue_(loop.state()), path_(std::move(path)), event_(std::make_unique<uv::FsEvent>(loop.bindings())) {
    std::error_code unknown;
    is_directory_ = std::filesystem::is_directory(path_, unknown);
    const auto on_event = [](void* context, uv::FsEvent::What what, std::string_view name,
                             int status) noexcept {
        static_cast<FileWatcherState*>(context)->on_event(what, name, status);
    };
    event_->start(path_text(path_), uv::FsEvent::Handler(on_event, this));
    loop.state().resources.push_back(*this);
}

void FileWatcherState::close() noexcept {
    event_.reset();
    queue_.close();
    unlink();
}

void FileWatcherState::on_event(uv::FsEvent::What what, std::string_view name, int status) noexcept {
    try {
        if (status < 0) {
            queue_.push(EventError(status, "watch " + path_text(path_)));
            return;
        }
        switch (what) {
        case uv::FsEvent::What::changed: push(FileChange(FileChange::Kind::changed, path_named(name))); break;
        case uv::FsEvent::What::renamed: push(FileChange(FileChange::Kind::renamed, path_named(name))); break;
        case uv::FsEvent::What::overflow: push(FileChange(FileChange::Kind::overflow, path_)); break;
        }
    } catch (const std::bad_alloc&) {
        // There is no memory to tell of it.
        return;
    }
}

std::filesystem::path FileWatcherState::path_named(std::string_view name) const {
    // Of a file that is watched itself systems give the name once more.
    if (!is_directory_ || name.empty() || name == "." || name == "..") return path_;
    return path_ / path_of(std::string(name));
}

void FileWatcherState::push(FileChange change) {
    if (queue_.size() > 0) {
        const auto* const last = std::get_if<FileChange>(&queue_.events().back());
        if (queue_.size() >= limit || (last != nullptr && *last == change)) return;
        if (queue_.size() + 1 == limit) change = FileChange(FileChange::Kind::overflow, path_);
    }
    queue_.push(std::move(change));
}

} // namespace detail

FileWatcher::FileWatcher(const std::filesystem::path& path) : FileWatcher(get_running_loop(), path) {}

} // namespace aio
