#include "allocation_watch.hpp"
#include "support/sanitizer.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

constinit std::atomic<bool> watching{false};
constinit std::atomic<std::size_t> largest_request{0};

} // namespace

#if !defined(AIO_TEST_SANITIZED)

void* operator new(std::size_t size) {
    if (watching.load(std::memory_order_relaxed) && size > largest_request.load(std::memory_order_relaxed))
        largest_request.store(size, std::memory_order_relaxed);
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif

namespace fuzz {

AllocationWatch::AllocationWatch() noexcept {
    largest_request = 0;
    watching = true;
}
AllocationWatch::~AllocationWatch() { watching = false; }

std::size_t AllocationWatch::largest() const noexcept { return largest_request; }

bool AllocationWatch::works() noexcept {
#if defined(AIO_TEST_SANITIZED)
    return false;
#else
    return true;
#endif
}

} // namespace fuzz
