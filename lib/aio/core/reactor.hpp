#pragma once

/// How a loop turns: the ready queue and the timers, driven from libuv's phases.
///
/// libuv runs a turn as poll, then callbacks; where timers stand in it has changed between its versions. The
/// reactor does not depend on that. Its hook directly after the poll moves due timers behind what is ready
/// and runs everything, round by round, until nothing is ready or the budget is spent; the hook before the
/// poll runs what closing callbacks and old libuv's timers have queued since, arms the one timer for the
/// earliest deadline, and keeps the poll from waiting when something is ready.
///
/// Before it waits it may have to know whether there is anything left to wait for: a clock of a test then
/// jumps to the next deadline, those who wait for idleness are told, and a run call whose future nobody can
/// complete any more ends with `DeadlockError`. With a real clock the last is looked at only after the loop
/// has been quiet for a while, so that it costs nothing.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>

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

    /// Runs turns until the loop is stopped or an exception escapes; or, with `for_a_future`, until it turns
    /// out that nothing can happen any more: then gives false.
    [[nodiscard]] bool run(bool for_a_future);

    /// From now on every round runs what is ready in an order that depends on `seed` alone.
    void shuffle(std::uint64_t seed) { shuffle_.emplace(seed); }
    /// A handle of the library's own that is no reason to wait: one more, or one less.
    void count_background_handle(int change) noexcept { background_handles_ += change; }

    /// Queues what other threads have posted so far.
    void deliver_posts() noexcept;
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
    void run_shuffled_round(std::size_t items);
    void run_timed(ReadyItem& item) noexcept;
    void halt() noexcept;
    void arm_timer() noexcept;
    void set_timer(TimePoint when) noexcept;
    void keep_polling(bool yes) noexcept;
    void look_whether_idle() noexcept;
    void look_for_deadlock() noexcept;
    [[nodiscard]] bool may_be_dead() const noexcept;
    [[nodiscard]] bool nobody_can_wake_it() noexcept;

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
    bool for_a_future_ = false;
    bool dead_ = false;
    /// The timer is set for a look at whether the loop is dead, and how long the loop must be quiet for it.
    bool deadlock_timer_ = false;
    Duration quiet_time_ = first_quiet_time;
    static constexpr Duration first_quiet_time = std::chrono::milliseconds(50);
    static constexpr Duration longest_quiet_time = std::chrono::seconds(10);
    /// Of the loop's clock: whether the time passes by itself.
    const bool real_time_;
    /// A poll that did not wait has brought nothing.
    bool polled_in_vain_ = false;
    /// The next poll must not wait either.
    bool look_again_ = false;
    int background_handles_ = 0;
    std::optional<std::mt19937_64> shuffle_;
};

} // namespace detail
} // namespace aio
