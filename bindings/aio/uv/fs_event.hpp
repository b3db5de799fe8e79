#pragma once

/// Changes in the file system, as the system tells of them.

#include <cstdint>
#include <string>
#include <string_view>

namespace aio::uv {

class Loop;

/// Watches a file or a directory (not what is below its directories). What systems tell differs much; see
/// libuv's documentation of `uv_fs_event_t`.
class FsEvent {
public:
    /// `name` is the file within the watched directory that changed, in UTF-8, or empty where the system does
    /// not say; `renamed` that the name came, went or moved; `changed` that content or attributes did.
    /// `status` is 0 or a negative libuv error.
    struct Handler {
        using Function = void (*)(void* context, std::string_view name, bool renamed, bool changed,
                                  int status) noexcept;
        constexpr Handler() noexcept = default;
        constexpr Handler(Function f, void* c) noexcept : function(f), context(c) {}
        Function function = nullptr;
        void* context = nullptr;
    };

    explicit FsEvent(Loop& loop);
    ~FsEvent();
    FsEvent(const FsEvent&) = delete;
    FsEvent& operator=(const FsEvent&) = delete;

    /// Throws `std::system_error` naming the path. Once.
    void start(const std::string& path, Handler handler);

private:
    void* block_;
};

} // namespace aio::uv
