#pragma once

/// How a loop turns: the ready queue and the timers, driven from libuv's phases.
///
/// libuv runs a turn as poll, then callbacks; where timers stand in it has changed between its versions. The
/// reactor does not depend on that. Its hook directly after the poll moves due timers behind what is ready
/// and runs everything, round by round, until nothing is ready or the budget is spent; the hook before the
/// poll runs what closing callbacks and old libuv's timers have queued since, arms the one timer for the
/// earliest deadline, and keeps the poll from waiting when something is ready.

#include <cstddef>

#include <aio/core/loop_state.hpp>
#include <aio/uv/async.hpp>
#include <aio/uv/hooks.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/timer.hpp>

namespace aio {

class EventLoop;

namespace detail {

/// The libuv side of an `EventLoop`.
class Reactor {
public:
    Reactor(EventLoop& loop, uv::NativeLoop* adopted);
    ~Reactor();
    Reactor(const Reactor&) = delete;
    Reactor& operator=(const Reactor&) = delete;

    [[nodiscard]] uv::Loop& uv() noexcept { return native_; }
    [[nodiscard]] uv::Async& wake() noexcept { return wake_; }

    /// Something is being queued from outside of the loop's turns: if the loop is adopted, its owner's run
    /// call must not find it idle.
    void expect_work() noexcept { keep_polling(true); }

    /// Runs turns until the loop is stopped or an exception escapes.
    void run();

    /// Counts who is going to post from elsewhere; while anybody is, the owner's run call goes on.
    void expect_post(int change) noexcept;

private:
    /// Items run between two polls before I/O gets its turn again; a round that has begun is finished.
    static constexpr std::size_t items_per_poll = 256;

    void before_poll() noexcept;
    void after_poll() noexcept;
    void on_wake() noexcept;
    void on_timer() noexcept {
        armed_ = TimePoint::max();
        timer_fired_ = true;
    }

    void run_ready() noexcept;
    void run_round(std::size_t items) noexcept;
    void run_timed(ReadyItem& item) noexcept;
    void halt() noexcept;
    void arm_timer() noexcept;
    void keep_polling(bool yes) noexcept;

    EventLoop& loop_;
    LoopState& state_;
    uv::Loop native_;
    uv::Async wake_;
    uv::Timer timer_;
    uv::Prepare prepare_;
    uv::Check check_;
    uv::Idle idle_;
    /// The deadline for which the timer is set; earlier than the earliest pending one when that was
    /// cancelled, which costs one spurious wake-up and saves a system call for each timeout that does not
    /// fire.
    TimePoint armed_ = TimePoint::max();
    int expected_posts_ = 0;
    bool timer_fired_ = false;
    bool idle_started_ = false;
    /// The budget ran out with items left: the next poll comes before them.
    bool backlog_ = false;
    /// The run call is about to return; what is queued waits for the next.
    bool halted_ = false;
};

} // namespace detail
} // namespace aio
