#pragma once

/// Time as the loop sees it.

#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>

#include <aio/core/errors.hpp>

namespace aio {

/// Points in time on the loop's monotonic clock, in nanoseconds (`loop.time()`).
using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;

/// Where an `EventLoop` reads the time. The default is the system's monotonic clock.
class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;

    /// The present time; never decreases.
    [[nodiscard]] virtual TimePoint now() noexcept = 0;

    /// For a clock that does not run by itself: the loop has nothing left to do before `when`. True if the
    /// clock has gone there; false if it runs by itself, and the loop must wait.
    [[nodiscard]] virtual bool skip_to([[maybe_unused]] TimePoint when) noexcept { return false; }
    /// Whether the time passes by itself.
    [[nodiscard]] virtual bool runs_by_itself() const noexcept { return true; }
};

/// `std::chrono::steady_clock`.
class SteadyClock final : public Clock {
public:
    /// The one that loops use by default.
    static SteadyClock& instance() noexcept {
        static SteadyClock clock;
        return clock;
    }
    [[nodiscard]] TimePoint now() noexcept override { return std::chrono::steady_clock::now(); }
};

namespace detail {

/// Any chrono duration in nanoseconds, rounded up so that nothing fires early, saturating instead of
/// overflowing. Throws `ValueError` for a delay that is not a number.
template <class Rep, class Period>
Duration to_duration(std::chrono::duration<Rep, Period> delay) {
    using Seconds = std::chrono::duration<long double>;
    if constexpr (std::floating_point<Rep>) {
        if (std::isnan(delay.count())) throw ValueError("invalid delay: NaN (not a number)");
    }
    constexpr auto limit = Duration::max() / 4;
    if (std::chrono::duration_cast<Seconds>(delay) >= std::chrono::duration_cast<Seconds>(limit))
        return limit;
    if (std::chrono::duration_cast<Seconds>(delay) <= std::chrono::duration_cast<Seconds>(-limit))
        return -limit;
    return std::chrono::ceil<Duration>(delay);
}

inline Duration to_duration(Duration delay) noexcept {
    constexpr auto limit = Duration::max() / 4;
    return delay > limit ? limit : delay < -limit ? -limit : delay;
}

} // namespace detail
} // namespace aio
