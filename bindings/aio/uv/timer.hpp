#pragma once

/// libuv's millisecond timer. The layer above needs exactly one of them, behind a heap of its own in
/// nanoseconds.

#include <cstdint>

#include <aio/uv/completion.hpp>

namespace aio::uv {

class Loop;

/// A one-shot timer. libuv measures from its cached time and in whole milliseconds, so it can fire up to a
/// millisecond early: whoever must not be early checks the clock when called and starts it again.
class Timer {
public:
    Timer(Loop& loop, Callback callback);
    ~Timer();
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Fires once, about `milliseconds` from now; replaces an earlier start. The loop's cached time is
    /// refreshed first.
    void start(std::uint64_t milliseconds) noexcept;
    void stop() noexcept;
    /// Whether this handle keeps the loop alive while started; it does when made.
    void keep_alive(bool yes) noexcept;

private:
    void* block_;
};

} // namespace aio::uv
