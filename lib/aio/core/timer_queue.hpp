#pragma once

/// Pending timers of a loop: a four-way heap ordered by deadline, then by the order in which they were set.
///
/// Deadlines stand in the heap's own array, next to each other, so that sifting touches no timer; a timer
/// knows its place, so that cancelling is a removal and not a search. Timers are linked in by their owners
/// (an awaiter in a coroutine frame, a timer handle): arming allocates nothing but, rarely, array space.
/// Equal deadlines fire in the order in which they were set, which asyncio leaves open.

#include <cstddef>
#include <cstdint>
#include <vector>

#include <aio/core/clock.hpp>

namespace aio::detail {

class TimerQueue;

/// Base of whatever waits for a point in time. Must leave the queue before it is destroyed.
class TimerNode {
public:
    [[nodiscard]] bool armed() const noexcept { return position_ != unarmed; }

protected:
    /// Called once when due, after the node has left the queue.
    using Fire = void (*)(TimerNode& self) noexcept;
    explicit TimerNode(Fire fire) noexcept : fire_(fire) {}
    TimerNode(const TimerNode&) = delete;
    TimerNode& operator=(const TimerNode&) = delete;
    ~TimerNode() = default;

private:
    friend class TimerQueue;
    static constexpr std::size_t unarmed = static_cast<std::size_t>(-1);
    Fire fire_;
    std::size_t position_ = unarmed;
};

/// The heap.
class TimerQueue {
public:
    [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
    /// The earliest deadline; the queue must not be empty.
    [[nodiscard]] TimePoint next() const noexcept { return heap_.front().deadline; }

    /// Arms an unarmed node.
    void push(TimerNode& node, TimePoint deadline);
    /// Disarms a node; does nothing if it is not armed.
    void remove(TimerNode& node) noexcept;
    /// Fires what is due at `now`, in order. Nodes armed meanwhile wait for the next call.
    void fire_due(TimePoint now) noexcept;

private:
    struct Entry {
        TimePoint deadline;
        std::uint64_t sequence;
        TimerNode* node;
        [[nodiscard]] bool before(const Entry& other) const noexcept {
            return deadline != other.deadline ? deadline < other.deadline : sequence < other.sequence;
        }
    };

    void place(std::size_t position, const Entry& entry) noexcept;
    void sift_up(std::size_t position, const Entry& entry) noexcept;
    void sift_down(std::size_t position, const Entry& entry) noexcept;

    std::vector<Entry> heap_;
    std::uint64_t next_sequence_ = 0;
};

} // namespace aio::detail
