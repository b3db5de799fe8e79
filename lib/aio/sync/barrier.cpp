#include <aio/sync/barrier.hpp>

#include <aio/core/errors.hpp>

namespace aio {

Barrier::Barrier(std::size_t parties) : parties_(parties) {
    if (parties == 0) throw ValueError("Barrier: parties must be at least 1");
}

void Barrier::complete_round() noexcept {
    std::size_t place = 0;
    while (detail::Waiter* const waiter = round_.front()) {
        static_cast<detail::BarrierWait*>(waiter)->place_in_round_ = place++;
        round_.wake_first();
    }
}

void Barrier::break_all(detail::WaitQueue& queue) noexcept {
    while (detail::Waiter* const waiter = queue.front()) {
        static_cast<detail::BarrierWait*>(waiter)->broken_ = true;
        queue.wake_first();
    }
}

void Barrier::let_in() noexcept {
    while (!draining()) {
        detail::Waiter* const waiter = outside_.front();
        if (waiter == nullptr) return;
        static_cast<detail::BarrierWait*>(waiter)->leave();
        round_.push(*waiter);
        if (round_.size() == parties_) complete_round();
    }
}

void Barrier::reset() {
    binding_.check_here();
    broken_ = false;
    break_all(round_);
}

void Barrier::abort() {
    binding_.check_here();
    broken_ = true;
    break_all(round_);
    break_all(outside_);
}

namespace detail {

BarrierWait::~BarrierWait() {
    if (!has_turn()) return;
    leave();
    barrier_->let_in();
}

bool BarrierWait::await_ready() {
    if (barrier_->broken_) throw_broken();
    if (barrier_->draining() || barrier_->round_.size() + 1 < barrier_->parties_) return false;
    place_in_round_ = barrier_->parties_ - 1;
    barrier_->binding_.check_here();
    barrier_->complete_round();
    return true;
}

std::size_t BarrierWait::await_resume() {
    if (waited() && settle()) barrier_->let_in();
    if (broken_) throw_broken();
    return place_in_round_;
}

void BarrierWait::throw_broken() {
    throw BrokenBarrierError("Barrier.wait: the barrier was reset or aborted");
}

} // namespace detail
} // namespace aio
