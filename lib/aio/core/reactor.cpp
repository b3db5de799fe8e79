#include <aio/core/reactor.hpp>

#include <cstdint>
#include <cstdio>
#include <string>

#include <aio/core/event_loop.hpp>
#include <aio/core/running_loop.hpp>

namespace aio::detail {

Reactor::Reactor(EventLoop& loop, uv::NativeLoop* adopted)
    : loop_(loop),
      state_(loop.state()),
      native_(adopted != nullptr ? uv::Loop(adopted) : uv::Loop()),
      wake_(native_, uv::bind<&Reactor::on_wake>(*this)),
      timer_(native_, uv::bind<&Reactor::on_timer>(*this)),
      prepare_(native_, uv::bind<&Reactor::before_poll>(*this)),
      check_(native_, uv::bind<&Reactor::after_poll>(*this)),
      idle_(native_) {
    // In an adopted loop only work that is pending keeps the owner's run call going; our own ends when it is
    // stopped.
    if (!native_.owned()) wake_.keep_alive(false);
    prepare_.start();
    check_.start();
}

Reactor::~Reactor() = default;

void Reactor::run() {
    halted_ = false;
    // The first round, like all others, comes after a poll: what I/O has brought runs behind what is queued,
    // and before timers. One that was stopped beforehand is also the last.
    backlog_ = true;
    keep_polling(true);
    expect_post(0);
    while (!halted_) native_.run();
    if (!native_.owned()) wake_.keep_alive(expected_posts_ > 0);
    keep_polling(false);
}

void Reactor::expect_post(int change) noexcept {
    expected_posts_ += change;
    if (!native_.owned()) wake_.keep_alive(expected_posts_ > 0 || loop_.running_);
}

void Reactor::before_poll() noexcept {
    // What the check hook has left, and nothing else has queued since, is empty: mostly there is nothing to
    // do here.
    if (!backlog_ && (timer_fired_ || !state_.ready.empty())) run_ready();
    timer_fired_ = false;
    arm_timer();
    keep_polling(backlog_ || !state_.ready.empty());
}

void Reactor::after_poll() noexcept {
    run_ready();
    backlog_ = !state_.ready.empty();
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
    if (state_.debug) {
        for (; items > 0 && !state_.escaped; --items) run_timed(*state_.ready.pop());
        return;
    }
    for (; items > 0 && !state_.escaped; --items) state_.ready.pop()->run();
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
    if (state_.timers.empty() || state_.timers.next() >= armed_) return;
    armed_ = state_.timers.next();
    const TimePoint now = state_.clock->now();
    const auto wait = armed_ > now ? std::chrono::ceil<std::chrono::milliseconds>(armed_ - now)
                                   : std::chrono::milliseconds(0);
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

void Reactor::on_wake() noexcept {
    const RunningLoopScope scope(&state_);
    loop_.mailbox()->deliver_all();
}

} // namespace aio::detail
