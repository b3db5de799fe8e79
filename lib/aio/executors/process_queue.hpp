#pragma once

/// The calls of a process pool that no worker has, in the order of their priority.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <aio/executors/process_entry.hpp>

namespace aio::detail {

/// The highest number first; equal ones in the order in which they came.
class ProcessQueue {
public:
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// The next one. It must not be empty.
    [[nodiscard]] PoolEntry& front() noexcept { return next().front(); }
    void pop_front();
    void push_back(PoolEntry entry);
    /// As the next one of its priority.
    void push_front(PoolEntry entry);
    /// The call with that id, taken out.
    [[nodiscard]] std::optional<PoolEntry> take(std::uint64_t id);
    /// All of them, in order; the queue is empty then.
    [[nodiscard]] std::vector<PoolEntry> take_all();

private:
    using Level = std::deque<PoolEntry>;
    [[nodiscard]] Level& next() noexcept;
    [[nodiscard]] Level& level_of(const PoolEntry& entry);

    // The usual level has a place of its own: the map stays empty in most pools.
    Level usual_;
    std::map<int, Level, std::greater<>> others_;
    std::size_t size_ = 0;
};

} // namespace aio::detail
