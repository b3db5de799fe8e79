#include <aio/io/wait_readable.hpp>

#include <map>
#include <mutex>
#include <utility>

#include <aio/core/event_loop.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/poll.hpp>

namespace aio::detail {

/// A descriptor for which somebody waits, in both directions: the system's poll set has one entry for it.
/// There is none when nobody waits, so that the number may be closed and used again.
class WatchedDescriptor final : public LoopResource {
public:
    /// The one of this loop, made if there is none.
    static WatchedDescriptor& get(EventLoop& loop, int descriptor) {
        const std::lock_guard lock(mutex());
        auto& slot = all()[Key(&loop.state(), descriptor)];
        try {
            if (!slot) slot.reset(new WatchedDescriptor(loop, descriptor));
        } catch (...) {
            all().erase(Key(&loop.state(), descriptor));
            throw;
        }
        return *slot;
    }

    /// Adds a waiter. Throws `std::system_error`.
    void add(ReadinessWait& wait, bool writable) {
        (writable ? writers_ : readers_).push_back(wait);
        try {
            watch();
        } catch (...) {
            wait.unlink();
            go_if_unused();
            throw;
        }
    }
    /// A waiter has gone: looks whether there are others. May destroy this.
    void waiter_left() noexcept {
        if (go_if_unused()) return;
        try {
            watch();
        } catch (...) {
            // It is watched for more than is needed: that is told to nobody.
        }
    }
    // The waiters have gone before.
    void loop_closing() noexcept override { go(); }

private:
    using Key = std::pair<const LoopState*, int>;
    struct Deleter {
        void operator()(WatchedDescriptor* watched) const noexcept { delete watched; }
    };
    using All = std::map<Key, std::unique_ptr<WatchedDescriptor, Deleter>>;

    /// Loops run in different threads, and each looks up its own here.
    static std::mutex& mutex() {
        static std::mutex instance;
        return instance;
    }
    static All& all() {
        static All instance;
        return instance;
    }

    WatchedDescriptor(EventLoop& loop, int descriptor)
        : key_(&loop.state(), descriptor),
          poll_(loop.bindings(), descriptor, uv::bind_poll<&WatchedDescriptor::on_event>(*this)) {
        loop.state().resources.push_back(*this);
    }
    ~WatchedDescriptor() = default;

    void watch() {
        uv::PollEvents events = uv::PollEvents::none;
        if (!readers_.empty()) events = events | uv::PollEvents::readable;
        if (!writers_.empty()) events = events | uv::PollEvents::writable;
        poll_.start(events);
    }

    void on_event(int status, uv::PollEvents events) noexcept {
        if (status < 0 || events & uv::PollEvents::readable) wake_all(readers_, status);
        if (status < 0 || events & uv::PollEvents::writable) wake_all(writers_, status);
        waiter_left();
    }
    static void wake_all(IntrusiveList<ReadinessWait>& waiters, int status) noexcept {
        while (ReadinessWait* const wait = waiters.pop_front()) wait->finish(status);
    }

    bool go_if_unused() noexcept {
        if (!readers_.empty() || !writers_.empty()) return false;
        go();
        return true;
    }
    void go() noexcept {
        const std::lock_guard lock(mutex());
        // A copy: this object is destroyed by it.
        const Key key = key_;
        all().erase(key);
    }

    Key key_;
    IntrusiveList<ReadinessWait> readers_;
    IntrusiveList<ReadinessWait> writers_;
    uv::Poll poll_;
};

void ReadinessWait::start() {
    try {
        WatchedDescriptor& watched = WatchedDescriptor::get(loop().require_loop(), descriptor_);
        watched.add(*this, writable_);
        watched_ = &watched;
    } catch (...) {
        withdraw();
        throw;
    }
}

void ReadinessWait::leave() noexcept {
    unlink();
    if (watched_ != nullptr) std::exchange(watched_, nullptr)->waiter_left();
}

void ReadinessWait::await_resume() {
    throw_if_cancelled();
    if (status_ < 0) uv::throw_error(status_, "wait for descriptor " + std::to_string(descriptor_));
}

std::string ReadinessWait::description() const {
    return "descriptor " + std::to_string(descriptor_) + " to become " +
           (writable_ ? "writable" : "readable");
}

} // namespace aio::detail
