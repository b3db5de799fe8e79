#pragma once

/// Not installed: one inotify(7) instance for all watchers of a loop.
///
/// Not libuv's: that is silent when the system's queue has been too short and changes are lost; and it knows
/// a directory that is watched by two names by the first one only.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <aio/uv/descriptor.hpp>
#include <aio/uv/fs_event.hpp>
#include <aio/uv/poll.hpp>

namespace aio::uv {
class Loop;
}

namespace aio::uv::detail {

/// One path that is watched. Whoever owns it takes it out before it goes.
struct Watch {
    FsEvent::Handler handler;
    /// The system's number for what has the path; others may have the same.
    int number = -1;
    /// They are told in the order in which they were added.
    std::uint64_t serial = 0;
};

class Inotify : public std::enable_shared_from_this<Inotify> {
public:
    /// The loop's, which lives as long as somebody holds it. Throws `std::system_error` that names the path
    /// for which it is wanted.
    [[nodiscard]] static std::shared_ptr<Inotify> of(Loop& loop, const std::string& path);

    Inotify(Loop& loop, const std::string& path);
    Inotify(const Inotify&) = delete;
    Inotify& operator=(const Inotify&) = delete;

    /// Throws `std::system_error` that names the path.
    void add(Watch& watch, const std::string& path);
    void remove(Watch& watch) noexcept;

private:
    void on_readable(int status, PollEvents events) noexcept;
    /// Tells those who watch a number. Some may go meanwhile, and others come, who are not told.
    void tell(int number, FsEvent::What what, std::string_view name, int status) noexcept;
    void tell_all(FsEvent::What what, int status) noexcept;
    void tell(int number, std::uint64_t last, FsEvent::What what, std::string_view name, int status) noexcept;
    /// The first that was added after `serial`, and not after `last`.
    [[nodiscard]] Watch* watch_after(int number, std::uint64_t serial, std::uint64_t last) const noexcept;

    Descriptor descriptor_;
    Poll poll_;
    std::map<int, std::vector<Watch*>> watches_;
    std::uint64_t added_ = 0;
};

} // namespace aio::uv::detail
