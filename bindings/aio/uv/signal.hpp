#pragma once

/// Signals of the operating system, delivered on a loop.

#include <aio/uv/completion.hpp>

namespace aio::uv {

class Loop;

/// Watches for one signal. Several handles, also of several loops, may watch the same signal: each is called.
/// While any does, the signal's default action does not happen; when the last one stops, the default is
/// restored. Does not keep the loop alive. Windows has few: libuv makes SIGINT, SIGBREAK, SIGHUP and SIGWINCH
/// out of what happens to the console; the others of the C runtime can be watched, and never come.
class Signal {
public:
    explicit Signal(Loop& loop);
    ~Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;

    /// Calls `callback` on the loop's thread each time the signal has come; arrivals in quick succession may
    /// be merged. Replaces an earlier start. Throws `std::system_error` for a number that is no signal or
    /// cannot be caught (SIGKILL, SIGSTOP).
    void start(int signum, Callback callback);
    void stop() noexcept;

private:
    void* block_;
};

/// Whether a signal has its default action: nobody in this process handles or ignores it. False for a number
/// that is no signal.
[[nodiscard]] bool signal_is_default(int signum) noexcept;

/// Whether this is the number of a signal.
[[nodiscard]] bool is_signal(int signum) noexcept;

/// Ignores SIGPIPE for the whole process, once, unless the program has given it a handler of its own. A write
/// to a pipe or socket whose reader has gone is then an error (broken_pipe). Every loop does this when it is
/// made. Programs started with `Process` get the default back.
void ignore_sigpipe() noexcept;

} // namespace aio::uv
