#pragma once
/// Slab: one piece of memory that processes can share, as it is mapped in this one.
///
/// On POSIX it is an object without a name: a descriptor, and a mapping of the whole of it. On Linux it is
/// sealed, so that no process can change its size under the feet of another. On Windows, where there are no
/// worker processes, it is ordinary memory.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <aio/uv/descriptor.hpp>

namespace aio::detail {

/// Has one owner: an arena that keeps it for later, a `SlabLease` while it is used, or the list of what has
/// been lent to a worker.
class Slab {
public:
    /// New memory, all zero. `capacity` in bytes, a multiple of the page size. `name` is for those who look
    /// at what a process has mapped. Throws `std::system_error`.
    [[nodiscard]] static std::unique_ptr<Slab> make(std::uint64_t id, std::size_t capacity,
                                                    const char* name = "aio-buffer");
    /// Memory that another process has made and sent. Throws `std::system_error`, and `DecodeError` when it
    /// is not what it should be: too small, or of a size that can change.
    [[nodiscard]] static std::unique_ptr<Slab> map(std::uint64_t id, std::size_t capacity,
                                                   uv::Descriptor memory);

    Slab(std::uint64_t id, std::byte* data, std::size_t capacity, uv::Descriptor memory) noexcept;
    /// Unmaps it. In a forked copy of the process that mapped it the descriptor is left alone: its number may
    /// mean something else by now.
    ~Slab();
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    /// The same in all processes that share it.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
    /// For sending; -1 when there is none.
    [[nodiscard]] int descriptor() const noexcept { return memory_.get(); }
    void close_descriptor() noexcept { memory_.close(); }
    [[nodiscard]] uv::Descriptor take_descriptor() noexcept { return std::move(memory_); }
    /// False in a forked copy of the process that mapped it.
    [[nodiscard]] bool mapped_here() const noexcept;

    /// Somebody may still write to it whom nobody can wait for: it must not be used for anything else.
    void retire() noexcept { retired_.store(true, std::memory_order_relaxed); }
    [[nodiscard]] bool retired() const noexcept { return retired_.load(std::memory_order_relaxed); }

    /// In a worker: the pool decides what the memory is used for, and this is only a mapping of it.
    bool belongs_to_pool = false;
    /// In a worker: the pool has the descriptor.
    bool known_to_pool = false;

private:
    const std::uint64_t id_;
    std::byte* const data_;
    const std::size_t capacity_;
    uv::Descriptor memory_;
    const int process_;
    std::atomic<bool> retired_{false};
};

/// A slab in use. With the last reference to the lease the slab goes back to the arena.
class SlabLease {
public:
    explicit SlabLease(std::unique_ptr<Slab> slab) noexcept : slab_(std::move(slab)) {}
    ~SlabLease();
    SlabLease(const SlabLease&) = delete;
    SlabLease& operator=(const SlabLease&) = delete;

    [[nodiscard]] Slab& slab() const noexcept { return *slab_; }

private:
    std::unique_ptr<Slab> slab_;
};

/// Shared by handles, calls under way, and what a worker has been seen to keep.
using SlabRef = std::shared_ptr<SlabLease>;

/// The number of this process.
[[nodiscard]] int current_process() noexcept;

} // namespace aio::detail
