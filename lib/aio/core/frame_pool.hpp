#pragma once

/// Where coroutine frames, tasks, futures and callback handles get their memory.
///
/// An event loop creates and destroys objects of a few sizes all the time. The general allocator would
/// dominate the cost of an await, so each thread keeps freed blocks in lists by size class (64-byte steps up
/// to 2 KiB) and hands them out again: about two nanoseconds, no lock. Larger blocks, and all blocks under
/// AddressSanitizer (which must see every free), go to `operator new`. A block may be freed by another thread
/// than the one that allocated it; it then serves that thread. Lists are bounded and released when their
/// thread ends.

#include <cstddef>

namespace aio::detail {

/// Memory for `size` bytes, aligned for any type that needs no extended alignment. Throws `std::bad_alloc`.
[[nodiscard]] void* pool_allocate(std::size_t size);

/// Gives a block back; `size` is what was asked for.
void pool_deallocate(void* block, std::size_t size) noexcept;

/// Base for classes whose objects live in the pool.
struct PoolAllocated {
    static void* operator new(std::size_t size) { return pool_allocate(size); }
    static void operator delete(void* block, std::size_t size) noexcept { pool_deallocate(block, size); }
};

} // namespace aio::detail
