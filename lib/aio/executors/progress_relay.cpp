#include <aio/executors/progress_relay.hpp>

#include <utility>

namespace aio::detail {

void ProgressRelay::post(EventLoop& loop, const Progress& progress) {
    const bool waiting = latest_.has_value();
    latest_ = progress;
    if (waiting) return;
    try {
        loop.call_soon([self = shared_from_this()] { self->deliver(); });
    } catch (...) {
        latest_.reset();
        throw;
    }
}

void ProgressRelay::deliver() {
    const std::optional<Progress> progress = std::exchange(latest_, std::nullopt);
    listener_(*progress);
}

} // namespace aio::detail
