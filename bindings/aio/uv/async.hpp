#pragma once

/// Wakes a loop from another thread. The only part of libuv that other threads may touch.

#include <aio/uv/completion.hpp>

namespace aio::uv {

class Loop;

/// A wake-up for a loop. `send` may be called from any thread and from a signal handler; sends that come
/// before the callback has run are merged into one call. It publishes no data: use a lock or an
/// acquire/release exchange for what the callback is to find.
class Async {
public:
    Async(Loop& loop, Callback callback);
    /// The caller guarantees that no thread is still sending.
    ~Async();
    Async(const Async&) = delete;
    Async& operator=(const Async&) = delete;

    void send() noexcept;
    /// Whether this handle keeps the loop alive; it does when made.
    void keep_alive(bool yes) noexcept;

private:
    void* block_;
};

} // namespace aio::uv
