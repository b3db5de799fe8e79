#include <aio/sync/semaphore.hpp>

#include <limits>

namespace aio {
namespace {

constexpr std::ptrdiff_t unlimited = std::numeric_limits<std::ptrdiff_t>::max();

} // namespace

Semaphore::Semaphore(const char* name, std::ptrdiff_t value, std::ptrdiff_t bound)
    : binding_(name), value_(value), bound_(bound) {
    if (value < 0) throw ValueError(std::string(name) + ": the initial value must not be negative");
}

Semaphore::Semaphore(std::ptrdiff_t value) : Semaphore("Semaphore", value, unlimited) {}

void Semaphore::release() {
    binding_.check_here();
    if (value_ >= bound_)
        throw ValueError(std::string(binding_.owner()) + ".release: released more often than acquired");
    give_back();
}

void Semaphore::give_back() noexcept {
    if (value_ < bound_) ++value_;
    if (value_ > 0 && waiters_.wake_first()) --value_;
}

void Semaphore::hand_out() noexcept {
    while (value_ > 0 && waiters_.wake_first()) --value_;
}

namespace detail {

void SemaphoreWait::take() {
    if (!waited()) {
        --semaphore_->value_;
        return;
    }
    if (!settle()) throw RuntimeError("Semaphore.acquire: the semaphore was destroyed before its turn came");
    // Units that were free while this one was on its way stayed free, because newcomers do not overtake it.
    semaphore_->hand_out();
}

} // namespace detail
} // namespace aio
