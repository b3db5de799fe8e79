#pragma once

/// Where a worker puts the results of a chunk of `map` while it works on it: memory that outlives it. If it
/// dies, what it had finished counts, and it is known which items it had not begun.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <aio/workers/shared_buffer.hpp>

namespace aio::detail {

/// A copy is the same journal.
class MapJournal {
public:
    /// None: nothing can be added to it, and nothing is in it.
    MapJournal() noexcept = default;
    /// As it came from the other process.
    explicit MapJournal(SharedBuffer memory);
    /// A new one. Throws `std::system_error` when there is no memory left, or no descriptor.
    [[nodiscard]] static MapJournal create();

    [[nodiscard]] const SharedBuffer& memory() const noexcept { return memory_; }

    /// In the worker, before the first item.
    void begin(std::int64_t pid) noexcept;
    /// In the worker: the next item is begun.
    void begin_item() noexcept;
    /// In the worker: takes the outcome of the next item; false if there is no room for it.
    [[nodiscard]] bool add(std::span<const std::byte> outcome) noexcept;

    /// At the caller, when the call has ended.
    [[nodiscard]] std::int64_t pid() const noexcept;
    /// How many items were begun, the one that was running with them.
    [[nodiscard]] std::size_t begun() const noexcept;
    /// How many outcomes there are.
    [[nodiscard]] std::size_t items() const noexcept;
    /// The outcomes, one behind the other, and then anything.
    [[nodiscard]] std::span<const std::byte> outcomes() const noexcept;
    /// Makes it empty again.
    void clear() noexcept;

private:
    class Head {
    public:
        std::int64_t pid = 0;
        std::atomic<std::uint32_t> begun{0};
        /// Is written after the item itself.
        std::atomic<std::uint32_t> items{0};
    };
    [[nodiscard]] Head& head() const noexcept;

    SharedBuffer memory_;
    std::size_t end_ = sizeof(Head);
};

} // namespace aio::detail
