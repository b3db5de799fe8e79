#pragma once

/// The calls of a process pool that no worker has, in the order of their priority.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <aio/core/clock.hpp>
#include <aio/executors/process_entry.hpp>

namespace aio::detail {

/// The highest number first; equal ones in the order in which they came. With ageing, a waiting call rises by
/// one with every such time, so that none waits for ever.
class ProcessQueue {
public:
    /// 0: there is no ageing.
    explicit ProcessQueue(Duration ageing) noexcept : ageing_(ageing) {}

    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Whether those that come later are to be begun later, whatever comes.
    [[nodiscard]] bool in_order_of_coming() const noexcept {
        return others_.empty() && ageing_ == Duration::zero();
    }
    /// The next one. It must not be empty.
    [[nodiscard]] PoolEntry& front() noexcept;
    void pop_front();
    /// Behind the others of its priority. With ageing, `queued_at` must be set.
    void push_back(PoolEntry entry);
    /// As the next one of its priority.
    void push_front(PoolEntry entry);
    /// Where it was: before those of its priority that have come later.
    void put_back(PoolEntry entry);
    /// The call with that id, taken out.
    [[nodiscard]] std::optional<PoolEntry> take(std::uint64_t id);
    /// All of them, in order; the queue is empty then.
    [[nodiscard]] std::vector<PoolEntry> take_all();

private:
    using Level = std::deque<PoolEntry>;
    using Levels = std::map<int, Level, std::greater<>>;
    /// The level of the next call; the end stands for the usual one.
    [[nodiscard]] Levels::iterator next_level() noexcept;
    [[nodiscard]] double rank(int priority, const Level& level) const noexcept;
    [[nodiscard]] Level& level_of(const PoolEntry& entry);

    Duration ageing_;
    // The usual level has a place of its own: the map stays empty in most pools.
    Level usual_;
    Levels others_;
    std::uint64_t next_turn_ = 0;
    std::size_t size_ = 0;
};

} // namespace aio::detail
