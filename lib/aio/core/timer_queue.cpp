#include <aio/core/timer_queue.hpp>

namespace aio::detail {

void TimerQueue::place(std::size_t position, const Entry& entry) noexcept {
    heap_[position] = entry;
    entry.node->position_ = position;
}

void TimerQueue::sift_up(std::size_t position, const Entry& entry) noexcept {
    while (position > 0) {
        const std::size_t parent = (position - 1) / 4;
        if (!entry.before(heap_[parent])) break;
        place(position, heap_[parent]);
        position = parent;
    }
    place(position, entry);
}

void TimerQueue::sift_down(std::size_t position, const Entry& entry) noexcept {
    const std::size_t size = heap_.size();
    for (;;) {
        const std::size_t first = position * 4 + 1;
        if (first >= size) break;
        std::size_t smallest = first;
        const std::size_t end = first + 4 < size ? first + 4 : size;
        for (std::size_t child = first + 1; child < end; ++child)
            if (heap_[child].before(heap_[smallest])) smallest = child;
        if (!heap_[smallest].before(entry)) break;
        place(position, heap_[smallest]);
        position = smallest;
    }
    place(position, entry);
}

void TimerQueue::push(TimerNode& node, TimePoint deadline) {
    const Entry entry{deadline, next_sequence_++, &node};
    heap_.push_back(entry);
    sift_up(heap_.size() - 1, entry);
}

void TimerQueue::remove(TimerNode& node) noexcept {
    const std::size_t position = node.position_;
    if (position == TimerNode::unarmed) return;
    node.position_ = TimerNode::unarmed;
    const Entry last = heap_.back();
    heap_.pop_back();
    if (position == heap_.size()) return;
    if (position > 0 && last.before(heap_[(position - 1) / 4]))
        sift_up(position, last);
    else
        sift_down(position, last);
}

void TimerQueue::fire_due(TimePoint now) noexcept {
    // A node armed by one that fires has a later sequence number: it waits for the next call even if it is
    // due already.
    const std::uint64_t end = next_sequence_;
    while (!heap_.empty() && heap_.front().deadline <= now && heap_.front().sequence < end) {
        TimerNode& node = *heap_.front().node;
        remove(node);
        node.fire_(node);
    }
}

} // namespace aio::detail
