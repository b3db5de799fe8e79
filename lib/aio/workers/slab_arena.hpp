#pragma once
/// SlabArena: the shared memory of this process that is not in use, and what decides where it goes next.
///
/// Making shared memory is slow, because the system hands out its pages one by one as they are first touched;
/// for large buffers that takes longer than copying them through a pipe. So slabs are made once, in sizes
/// that are powers of two, and used again and again. What the arena knows lies in this process alone: another
/// process that dies or goes wild can damage the contents of what it has been given, and nothing else.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <aio/workers/slab.hpp>

namespace aio::detail {

/// Another process that has slabs of this one mapped. Called from any thread, under the lock of the arena.
class SlabHolder {
public:
    /// Lends the slab to that process, which has made it and will fill it again. False, with the slab
    /// untouched, when that process is going.
    [[nodiscard]] virtual bool lend(std::unique_ptr<Slab>& slab) noexcept = 0;
    /// That process is to unmap the slab, if it has it.
    virtual void forget(std::uint64_t id) noexcept = 0;

protected:
    SlabHolder() = default;
    SlabHolder(const SlabHolder&) = delete;
    SlabHolder& operator=(const SlabHolder&) = delete;
    ~SlabHolder() = default;
};

/// One for the process. Thread-safe.
class SlabArena {
public:
    /// Is never destroyed: buffers may be in variables that are.
    static SlabArena& instance();

    /// A slab of at least `size` bytes, which is not 0. Its contents are those of its last use. Throws
    /// `std::system_error` when there is no memory or descriptor left.
    [[nodiscard]] SlabRef acquire(std::size_t size);
    /// Takes back a slab that nobody uses.
    void recycle(std::unique_ptr<Slab> slab) noexcept;

    /// At most `bytes` stay allocated for later use.
    void set_idle_limit(std::size_t bytes);
    /// What is allocated and not in use: kept here, or lent to workers.
    [[nodiscard]] std::size_t idle_bytes();

    /// The process of this number, which is in the upper half of the numbers of the slabs it makes, is there.
    void add_holder(std::uint64_t process, SlabHolder& holder);
    /// Once it returns, `holder` is not called any more.
    void remove_holder(std::uint64_t process) noexcept;
    /// A slab of that size that was lent has come back.
    void count_returned(std::size_t capacity) noexcept;

    /// A number for a worker that is about to be started, different from all others here and from this
    /// process's own.
    [[nodiscard]] std::uint64_t new_process_number() noexcept;
    /// This process is a new worker of that number: what it has inherited is not its own.
    void become_worker(std::uint64_t process);

    /// The number of the process that has made the slab; 0 for the program itself.
    [[nodiscard]] static std::uint64_t maker_of(std::uint64_t slab_id) noexcept { return slab_id >> 32; }

private:
    SlabArena() = default;
    /// In a forked copy of the process: the slabs that it knows are the original's.
    void forget_inherited() noexcept;
    [[nodiscard]] std::unique_ptr<Slab> take_idle(std::size_t capacity) noexcept;
    [[nodiscard]] bool lend_to_maker(std::unique_ptr<Slab>& slab) noexcept;
    void dispose(std::unique_ptr<Slab> slab) noexcept;
    void trim(std::size_t limit) noexcept;

    std::mutex mutex_;
    /// The one that has been idle for the longest time first.
    std::vector<std::unique_ptr<Slab>> idle_;
    std::unordered_map<std::uint64_t, SlabHolder*> holders_;
    std::size_t idle_limit_ = std::size_t{256} << 20;
    std::size_t kept_bytes_ = 0;
    std::size_t lent_bytes_ = 0;
    std::uint64_t process_ = 0;
    std::uint64_t last_process_ = 0;
    std::uint32_t last_id_ = 0;
    int owner_ = -1;
};

} // namespace aio::detail
