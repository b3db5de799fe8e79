#include <aio/core/parked_threads.hpp>

#include <atomic>

namespace aio::detail {
namespace {

constinit std::atomic<std::size_t> all_parked{0};

} // namespace

std::size_t parked_threads() noexcept { return all_parked.load(std::memory_order_acquire); }

void ParkedThreads::set(std::size_t count) noexcept {
    if (count == count_) return;
    // Unsigned arithmetic: a smaller count adds a number that wraps around.
    all_parked.fetch_add(count - count_, std::memory_order_release);
    count_ = count;
}

} // namespace aio::detail
