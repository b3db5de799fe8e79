#include <aio/uv/fs_event.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <sys/inotify.h>
#include <unistd.h>

#include <aio/uv/detail/inotify_private.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {
namespace detail {
namespace {

constexpr std::uint32_t changes = IN_ATTRIB | IN_MODIFY;
constexpr std::uint32_t wanted =
    changes | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_MOVED_FROM | IN_MOVED_TO;

Descriptor open_inotify(const std::string& path) {
    Descriptor descriptor(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!descriptor.valid()) throw_error(-errno, "watch " + path);
    return above_standard(std::move(descriptor));
}

} // namespace

std::shared_ptr<Inotify> Inotify::of(Loop& loop, const std::string& path) {
    std::shared_ptr<Inotify> inotify = loop.inotify_.lock();
    if (!inotify) loop.inotify_ = inotify = std::make_shared<Inotify>(loop, path);
    return inotify;
}

Inotify::Inotify(Loop& loop, const std::string& path)
    : descriptor_(open_inotify(path)),
      poll_(loop, descriptor_.get(), bind_poll<&Inotify::on_readable>(*this)) {
    poll_.start(PollEvents::readable);
}

void Inotify::add(Watch& watch, const std::string& path) {
    const int number = ::inotify_add_watch(descriptor_.get(), path.c_str(), wanted);
    if (number < 0) throw_error(-errno, "watch " + path);
    watch.serial = ++added_;
    watch.number = number;
    watches_[number].push_back(&watch);
}

void Inotify::remove(Watch& watch) noexcept {
    const auto found = watches_.find(watch.number);
    if (found == watches_.end() || std::erase(found->second, &watch) == 0 || !found->second.empty()) return;
    ::inotify_rm_watch(descriptor_.get(), found->first);
    watches_.erase(found);
}

Watch* Inotify::watch_after(int number, std::uint64_t serial, std::uint64_t last) const noexcept {
    const auto found = watches_.find(number);
    if (found == watches_.end()) return nullptr;
    const auto next =
        std::ranges::find_if(found->second, [&](const Watch* watch) { return watch->serial > serial; });
    return next != found->second.end() && (*next)->serial <= last ? *next : nullptr;
}

void Inotify::tell(int number, FsEvent::What what, std::string_view name, int status) noexcept {
    tell(number, added_, what, name, status);
}

void Inotify::tell(int number, std::uint64_t last, FsEvent::What what, std::string_view name,
                   int status) noexcept {
    std::uint64_t told = 0;
    while (Watch* const watch = watch_after(number, told, last)) {
        told = watch->serial;
        watch->handler.function(watch->handler.context, what, name, status);
    }
}

void Inotify::tell_all(FsEvent::What what, int status) noexcept {
    const std::uint64_t last = added_;
    for (auto next = watches_.begin(); next != watches_.end();) {
        const int number = next->first;
        tell(number, last, what, {}, status);
        next = watches_.upper_bound(number);
    }
}

void Inotify::on_readable(int status, PollEvents) noexcept {
    const std::shared_ptr<Inotify> keep = shared_from_this();
    if (status < 0) {
        tell_all(FsEvent::What::changed, status);
        return;
    }
    std::array<char, 16384> memory;
    const ssize_t size = ::read(descriptor_.get(), memory.data(), memory.size());
    for (ssize_t at = 0; at < size;) {
        inotify_event event;
        std::memcpy(&event, memory.data() + at, sizeof event);
        const char* const name = memory.data() + at + sizeof event;
        at += static_cast<ssize_t>(sizeof event + event.len);
        if ((event.mask & IN_Q_OVERFLOW) != 0) {
            tell_all(FsEvent::What::overflow, 0);
        } else if ((event.mask & IN_IGNORED) != 0) {
            // The number may come to stand for something else.
            watches_.erase(event.wd);
        } else {
            const auto what = (event.mask & changes) != 0 ? FsEvent::What::changed : FsEvent::What::renamed;
            tell(event.wd, what, event.len == 0 ? std::string_view() : std::string_view(name), 0);
        }
    }
}

} // namespace detail

namespace {

/// What an `FsEvent` is. It is taken out of the instance it holds before it goes.
struct State {
    explicit State(Loop& l) noexcept : loop(l) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        if (inotify) inotify->remove(watch);
    }

    Loop& loop;
    std::shared_ptr<detail::Inotify> inotify;
    detail::Watch watch;
};

State& state_of(void* block) noexcept { return *static_cast<State*>(block); }

} // namespace

FsEvent::FsEvent(Loop& loop) : block_(new State(loop)) {}

FsEvent::~FsEvent() { delete &state_of(block_); }

void FsEvent::start(const std::string& path, Handler handler) {
    State& state = state_of(block_);
    state.watch.handler = handler;
    state.inotify = detail::Inotify::of(state.loop, path);
    state.inotify->add(state.watch, path);
}

} // namespace aio::uv
