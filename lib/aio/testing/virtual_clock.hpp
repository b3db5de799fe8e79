#pragma once

/// `VirtualClock`: time that passes only when nothing else can happen, for tests of code that waits.
///
///     aio::testing::VirtualClock clock;
///     aio::EventLoop loop(clock);
///     loop.run_until_complete(aio::sleep(24h));    // returns at once; loop.time() is a day later
///
/// When the loop has nothing left to do but to wait for timers, the clock jumps to the earliest of them
/// instead. So a test that sleeps and times out is fast, and always sees the same order of events: a real
/// clock on a busy machine does not give that. While a call runs in a thread or a process, a file, write or
/// connection is under way, or a task awaits what another library made (`foreign_await.hpp`), the clock
/// stands still and the loop waits for it in real time. A socket that is only read is no such reason, because
/// a loop always reads its sockets: let both ends of a test be in the same loop. Nor is a thread that will
/// call `call_soon_threadsafe`, of which the loop cannot know: let it be one that the loop has started
/// (`to_thread`), or use a real clock. (After Trio's MockClock.)

#include <aio/core/clock.hpp>

namespace aio::testing {

/// A clock for one loop, which must not outlive it. Use it on the loop's thread.
class VirtualClock final : public Clock {
public:
    /// Starts at an arbitrary time that is not zero.
    VirtualClock() = default;

    [[nodiscard]] TimePoint now() noexcept override { return now_; }

    /// Lets time pass: timers that become due run in the loop's next round. Throws `ValueError` if `time` is
    /// negative.
    void advance(Duration time);
    /// Whether the clock jumps by itself, as it does at first. One that does not moves by `advance` alone;
    /// a run call that only timers could end then ends with `DeadlockError`.
    void set_autojump(bool yes) noexcept { autojump_ = yes; }
    [[nodiscard]] bool autojump() const noexcept { return autojump_; }

    /// For the loop: see `Clock`.
    [[nodiscard]] bool skip_to(TimePoint when) noexcept override;
    [[nodiscard]] bool runs_by_itself() const noexcept override { return false; }

private:
    TimePoint now_ = TimePoint(std::chrono::hours(1));
    bool autojump_ = true;
};

} // namespace aio::testing
