#include <aio/core/frame_pool.hpp>

#include <array>
#include <cstdint>
#include <new>

#if defined(__SANITIZE_ADDRESS__)
#define AIO_FRAME_POOL_BYPASS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define AIO_FRAME_POOL_BYPASS 1
#endif
#endif
#ifndef AIO_FRAME_POOL_BYPASS
#define AIO_FRAME_POOL_BYPASS 0
#endif

namespace aio::detail {

#if AIO_FRAME_POOL_BYPASS

void* pool_allocate(std::size_t size) { return ::operator new(size); }
void pool_deallocate(void* block, std::size_t) noexcept { ::operator delete(block); }

#else

namespace {

constexpr std::size_t class_step = 64;
constexpr std::size_t class_count = 32;
/// Bounds what a burst leaves behind: at most this many bytes are kept in each class.
constexpr std::size_t kept_bytes_per_class = std::size_t{1} << 20;

struct FreeBlock {
    FreeBlock* next;
};

/// Trivially destructible and constant-initialised, so that access needs no guard and works at any time of a
/// thread's life.
struct Pool {
    std::array<FreeBlock*, class_count> lists{};
    std::array<std::uint32_t, class_count> counts{};
    bool registered = false;
    bool ended = false;
};

constinit thread_local Pool pool;

/// Empties the lists when the thread ends; later frees on that thread go straight to `operator delete`.
struct PoolRelease {
    ~PoolRelease() {
        pool.ended = true;
        for (FreeBlock*& list : pool.lists) {
            while (list != nullptr) {
                FreeBlock* block = list;
                list = block->next;
                ::operator delete(block);
            }
        }
    }
    /// Odr-uses the thread_local object, which registers its destructor.
    void touch() noexcept { pool.registered = true; }
};

thread_local PoolRelease pool_release;

constexpr std::size_t class_of(std::size_t size) noexcept { return size == 0 ? 0 : (size - 1) / class_step; }

} // namespace

void* pool_allocate(std::size_t size) {
    const std::size_t index = class_of(size);
    if (index >= class_count) return ::operator new(size);
    Pool& mine = pool;
    if (FreeBlock* block = mine.lists[index]; block != nullptr) {
        mine.lists[index] = block->next;
        --mine.counts[index];
        return block;
    }
    return ::operator new((index + 1) * class_step);
}

void pool_deallocate(void* block, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    Pool& mine = pool;
    if (index >= class_count || mine.ended ||
        mine.counts[index] >= kept_bytes_per_class / ((index + 1) * class_step)) {
        ::operator delete(block);
        return;
    }
    if (!mine.registered) pool_release.touch();
    auto* freed = static_cast<FreeBlock*>(block);
    freed->next = mine.lists[index];
    mine.lists[index] = freed;
    ++mine.counts[index];
}

#endif

} // namespace aio::detail
