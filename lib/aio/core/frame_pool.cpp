#include <aio/core/frame_pool.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include <aio/uv/thread.hpp>

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

struct Pool {
    std::array<FreeBlock*, class_count> lists{};
    /// How many more blocks each list takes.
    std::array<std::uint32_t, class_count> room{};
};

/// Stands for the pool of a thread that has none: it has no block and takes none, so that the hot paths need
/// no question of their own.
constinit Pool no_pool;

/// Behind a pointer, because the lists must still be there when the thread ends: see `uv::at_thread_exit`.
constinit thread_local Pool* pool = &no_pool;

void drop_pool(void* ended) {
    pool = &no_pool;
    std::unique_ptr<Pool> owned(static_cast<Pool*>(ended));
    for (FreeBlock* block : owned->lists)
        while (block != nullptr) ::operator delete(std::exchange(block, block->next));
}

/// Gives this thread a pool if it has none; whether it has a new one.
bool make_pool() noexcept {
    if (pool != &no_pool) return false;
    std::unique_ptr<Pool> made(new (std::nothrow) Pool);
    if (!made || !uv::at_thread_exit(&drop_pool, made.get())) return false;
    for (std::size_t index = 0; index < class_count; ++index)
        made->room[index] = static_cast<std::uint32_t>(kept_bytes_per_class / ((index + 1) * class_step));
    pool = made.release();
    return true;
}

constexpr std::size_t class_of(std::size_t size) noexcept { return size == 0 ? 0 : (size - 1) / class_step; }

} // namespace

void* pool_allocate(std::size_t size) {
    const std::size_t index = class_of(size);
    if (index >= class_count) return ::operator new(size);
    Pool& mine = *pool;
    if (FreeBlock* const block = mine.lists[index]; block != nullptr) {
        mine.lists[index] = block->next;
        ++mine.room[index];
        return block;
    }
    return ::operator new((index + 1) * class_step);
}

void pool_deallocate(void* block, std::size_t size) noexcept {
    const std::size_t index = class_of(size);
    if (index >= class_count || (pool->room[index] == 0 && !make_pool())) {
        ::operator delete(block);
        return;
    }
    Pool& mine = *pool;
    auto* freed = static_cast<FreeBlock*>(block);
    freed->next = mine.lists[index];
    mine.lists[index] = freed;
    --mine.room[index];
}

#endif

} // namespace aio::detail
