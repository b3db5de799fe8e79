#pragma once

/// `wait_readable` and `wait_writable`: wait for a descriptor that something else owns, as a library with
/// sockets of its own (`loop.add_reader` in asyncio, `trio.lowlevel.wait_readable`).
///
///     while (!library.try_receive(message)) co_await aio::wait_readable(library.descriptor());

#include <coroutine>
#include <memory>
#include <string>

#include <aio/core/intrusive_list.hpp>
#include <aio/core/suspension.hpp>

namespace aio {
namespace detail {

class WatchedDescriptor;

/// Waits in the list of a descriptor. Cancelling it unlinks it.
class ReadinessWait final : public Suspension, public ListNode {
public:
    ReadinessWait(int descriptor, bool writable) noexcept : descriptor_(descriptor), writable_(writable) {}
    ~ReadinessWait() {
        if (pending()) leave();
    }
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    void await_resume();
    [[nodiscard]] std::string description() const override;

    /// The descriptor is ready, or cannot be watched.
    void finish(int status) noexcept {
        status_ = status;
        watched_ = nullptr;
        wake();
    }

private:
    void start();
    void leave() noexcept;
    bool on_cancel(const std::string&) noexcept override {
        leave();
        return wake_cancelled();
    }

    WatchedDescriptor* watched_ = nullptr;
    int descriptor_;
    int status_ = 0;
    bool writable_;
};

/// What the functions return, until it is awaited.
class ReadinessOperation {
public:
    ReadinessOperation(int descriptor, bool writable) noexcept
        : descriptor_(descriptor), writable_(writable) {}
    ReadinessWait operator co_await() const noexcept { return ReadinessWait(descriptor_, writable_); }

private:
    int descriptor_;
    bool writable_;
};

} // namespace detail

/// Waits until reading from the descriptor would not block: there are bytes, a connection to accept, the end,
/// or an error. The descriptor becomes non-blocking, stays the caller's, and must not be closed while anybody
/// waits for it; nothing else of this loop may own it. Any number of tasks may wait, for either direction;
/// all that wait for the same are woken. On Windows, sockets only. Throws `std::system_error` for what cannot
/// be watched, as a regular file. Cancelling changes nothing.
[[nodiscard]] inline detail::ReadinessOperation wait_readable(int descriptor) noexcept {
    return detail::ReadinessOperation(descriptor, false);
}
/// The same until writing would not block.
[[nodiscard]] inline detail::ReadinessOperation wait_writable(int descriptor) noexcept {
    return detail::ReadinessOperation(descriptor, true);
}

} // namespace aio
