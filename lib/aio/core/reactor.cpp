#include <aio/core/reactor.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/event_loop.hpp>
#include <aio/core/parked_threads.hpp>
#include <aio/core/running_loop.hpp>
#include <aio/uv/thread.hpp>

namespace aio::detail {

Reactor::Reactor(EventLoop& loop, uv::NativeLoop* adopted)
    : loop_(loop),
      state_(loop.state()),
      native_(adopted != nullptr ? uv::Loop(adopted) : uv::Loop()),
      wake_(native_, uv::bind<&Reactor::on_wake>(*this)),
      timer_(native_, uv::bind<&Reactor::on_timer>(*this)),
      prepare_(native_, uv::bind<&Reactor::before_poll>(*this)),
      check_(native_, uv::bind<&Reactor::after_poll>(*this)),
      idle_(native_),
      real_time_(state_.clock->runs_by_itself()) {
    // In an adopted loop only work that is pending keeps the owner's run call going; our own ends when it is
    // stopped.
    if (!native_.owned()) wake_.keep_alive(false);
    prepare_.start();
    check_.start();
}

Reactor::~Reactor() = default;

bool Reactor::run(bool for_a_future) {
    halted_ = false;
    dead_ = false;
    for_a_future_ = for_a_future;
    quiet_time_ = first_quiet_time;
    // The first round, like all others, comes after a poll: what I/O has brought runs behind what is queued,
    // and before timers. One that was stopped beforehand is also the last.
    backlog_ = true;
    keep_polling(true);
    expect_post(0);
    while (!halted_) native_.run();
    if (!native_.owned()) wake_.keep_alive(expected_posts_ > 0);
    keep_polling(false);
    return !dead_;
}

void Reactor::expect_post(int change) noexcept {
    expected_posts_ += change;
    if (!native_.owned()) wake_.keep_alive(expected_posts_ > 0 || loop_.running_);
}

void Reactor::before_poll() noexcept {
    // What the check hook has left, and nothing else has queued since, is empty: mostly there is nothing to
    // do here.
    if (!backlog_ && (timer_fired_ || !state_.ready.empty())) run_ready();
    if (!backlog_ && !halted_ && state_.ready.empty()) {
        if (timer_fired_ && std::exchange(deadlock_timer_, false)) look_for_deadlock();
        if (!state_.idle_waiters.empty() || !real_time_) look_whether_idle();
    }
    timer_fired_ = false;
    arm_timer();
    keep_polling(backlog_ || !state_.ready.empty() || look_again_);
}

void Reactor::after_poll() noexcept {
    if (!state_.ready.empty()) polled_in_vain_ = false;
    run_ready();
    backlog_ = !state_.ready.empty();
}

/// I/O may have happened that the loop has not seen: it is idle when a poll that does not wait brings
/// nothing.
void Reactor::look_whether_idle() noexcept {
    look_again_ = !std::exchange(polled_in_vain_, true);
    if (look_again_) return;
    // A job in a thread is under way: its end is the next thing to happen, in whatever time.
    if (native_.requests() != 0 || expected_posts_ > 0) {
        polled_in_vain_ = false;
        return;
    }
    if (!state_.idle_waiters.empty()) {
        const RunningLoopScope scope(&state_);
        while (IdleWaiter* const waiter = state_.idle_waiters.pop_front()) waiter->on_idle();
    } else if (!state_.timers.empty() && state_.clock->skip_to(state_.timers.next())) {
        look_again_ = true;
    } else {
        look_for_deadlock();
        return;
    }
    polled_in_vain_ = false;
}

void Reactor::look_for_deadlock() noexcept {
    quiet_time_ = std::min(2 * quiet_time_, longest_quiet_time);
    if (!may_be_dead() || !nobody_can_wake_it()) return;
    dead_ = true;
    halted_ = true;
    native_.stop();
}

/// The cheap part: whether it is worth to look closer.
bool Reactor::may_be_dead() const noexcept {
    return for_a_future_ && native_.owned() && expected_posts_ == 0 && state_.ready.empty() &&
           (state_.timers.empty() || !real_time_);
}

bool Reactor::nobody_can_wake_it() noexcept {
    if (native_.requests() != 0) return false;
    // Our own: the wake-up and the two hooks; the others when they are on.
    const std::size_t own = 3U + (idle_started_ ? 1U : 0U) + (armed_ != TimePoint::max() ? 1U : 0U) +
                            static_cast<std::size_t>(background_handles_);
    if (native_.active_handles() > own) return false;
    // Any other thread may be about to call `call_soon_threadsafe`, unless it belongs to a pool that has
    // nothing to do. Counted before the mailbox is looked into: a thread that has gone may have left
    // something there.
    const std::optional<std::size_t> threads = uv::count_threads();
    if (!threads || *threads > 1 + uv::work_threads() + parked_threads()) return false;
    return loop_.mailbox()->empty();
}

void Reactor::run_ready() noexcept {
    if (halted_) return;
    const RunningLoopScope scope(&state_);
    std::size_t budget = items_per_poll;
    do {
        if (!state_.timers.empty()) state_.timers.fire_due(state_.clock->now());
        const std::size_t items = state_.ready.size();
        run_round(items);
        if (loop_.stopping_ || state_.escaped) {
            halt();
            return;
        }
        budget -= items < budget ? items : budget;
    } while (budget > 0 && !state_.ready.empty());
}

void Reactor::run_round(std::size_t items) noexcept {
    if (shuffle_) {
        run_shuffled_round(items);
        return;
    }
    if (state_.debug) {
        for (; items > 0 && !state_.escaped; --items) run_timed(*state_.ready.pop());
        return;
    }
    for (; items > 0 && !state_.escaped; --items) state_.ready.pop()->run();
}

void Reactor::run_shuffled_round(std::size_t items) {
    std::vector<ReadyItem*> round;
    for (; items > 0; --items) round.push_back(state_.ready.pop());
    // Not std::shuffle, whose order differs between standard libraries.
    for (std::size_t left = round.size(); left > 1; --left)
        std::swap(round[left - 1], round[static_cast<std::size_t>((*shuffle_)() % left)]);
    std::size_t next = 0;
    while (next < round.size() && !state_.escaped) round[next++]->run();
    if (next == round.size()) return;
    // What the run call leaves undone comes first in the next, as it would without shuffling.
    std::vector<ReadyItem*> newer;
    while (ReadyItem* const item = state_.ready.pop()) newer.push_back(item);
    for (; next < round.size(); ++next) state_.ready.push(*round[next]);
    for (ReadyItem* const item : newer) state_.ready.push(*item);
}

void Reactor::run_timed(ReadyItem& item) noexcept {
    // Afterwards the item may be gone.
    const std::string what = item.label();
    const TimePoint begin = state_.clock->now();
    item.run();
    const Duration took = state_.clock->now() - begin;
    if (took < state_.slow_callback_duration) return;
    char seconds[32];
    std::snprintf(seconds, sizeof seconds, "%.3f", std::chrono::duration<double>(took).count());
    ErrorContext context;
    context.message = "Executing " + what + " took " + seconds + " seconds";
    state_.report(context);
}

void Reactor::halt() noexcept {
    if (!loop_.running_) {
        // Somebody else runs the adopted loop, and it goes on: stopping concerns our own run calls, and an
        // exception has nowhere to go.
        loop_.stopping_ = false;
        if (!state_.escaped) return;
        ErrorContext context;
        context.message = "An exception that ends a run call was thrown in a loop that its owner runs";
        context.exception = std::exchange(state_.escaped, nullptr);
        state_.report(context);
        return;
    }
    halted_ = true;
    native_.stop();
}

void Reactor::arm_timer() noexcept {
    if (!native_.owned()) timer_.keep_alive(!state_.timers.empty());
    // A clock that does not run by itself jumps to its deadlines.
    if (!real_time_) return;
    if (!state_.timers.empty()) {
        if (state_.timers.next() < armed_) set_timer(state_.timers.next());
    } else if (armed_ == TimePoint::max() && may_be_dead()) {
        deadlock_timer_ = true;
        set_timer(state_.clock->now() + quiet_time_);
    }
}

void Reactor::set_timer(TimePoint when) noexcept {
    armed_ = when;
    const TimePoint now = state_.clock->now();
    const auto wait =
        when > now ? std::chrono::ceil<std::chrono::milliseconds>(when - now) : std::chrono::milliseconds(0);
    timer_.start(static_cast<std::uint64_t>(wait.count()));
}

void Reactor::keep_polling(bool yes) noexcept {
    if (yes == idle_started_) return;
    idle_started_ = yes;
    if (yes)
        idle_.start();
    else
        idle_.stop();
}

void Reactor::on_wake() noexcept { deliver_posts(); }

void Reactor::deliver_posts() noexcept {
    const RunningLoopScope scope(&state_);
    loop_.mailbox()->deliver_all();
}

} // namespace aio::detail
