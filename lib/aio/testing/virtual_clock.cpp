#include <aio/testing/virtual_clock.hpp>

namespace aio::testing {

void VirtualClock::advance(Duration time) {
    if (time < Duration::zero()) throw ValueError("VirtualClock::advance: time does not go backwards");
    now_ += time;
}

bool VirtualClock::skip_to(TimePoint when) noexcept {
    if (!autojump_) return false;
    if (when > now_) now_ = when;
    return true;
}

} // namespace aio::testing
