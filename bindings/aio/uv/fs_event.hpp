#pragma once

/// Changes in the file system, as the system tells of them.

#include <cstdint>
#include <string>
#include <string_view>

namespace aio::uv {

class Loop;

/// Watches a file or a directory (not what is below its directories). What systems tell differs much; see
/// inotify(7), and for others than Linux libuv's documentation of `uv_fs_event_t`. Linux alone tells of what
/// has been lost.
class FsEvent {
public:
    /// What has happened: content or attributes changed; a name came, went or moved; or so much that the
    /// system has lost some of it.
    enum class What : std::uint8_t { changed, renamed, overflow };
    /// `name` is that of the file within the watched directory, in UTF-8, and empty for what is watched
    /// itself, or where the system does not say. `status` is 0 or a negative libuv error. It may destroy
    /// watchers, and make others.
    struct Handler {
        using Function = void (*)(void* context, What what, std::string_view name, int status) noexcept;
        constexpr Handler() noexcept = default;
        constexpr Handler(Function f, void* c) noexcept : function(f), context(c) {}
        Function function = nullptr;
        void* context = nullptr;
    };

    explicit FsEvent(Loop& loop);
    ~FsEvent();
    FsEvent(const FsEvent&) = delete;
    FsEvent& operator=(const FsEvent&) = delete;

    /// Throws `std::system_error` naming the path. Once. Nothing more is told when what has the path has been
    /// removed or renamed.
    void start(const std::string& path, Handler handler);

private:
    void* block_;
};

} // namespace aio::uv
