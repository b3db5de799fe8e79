#include <aio/executors/process_queue.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace aio::detail {

// Levels in the map are never empty, so its first one, if it is above 0, has the next call.
ProcessQueue::Level& ProcessQueue::next() noexcept {
    const bool other = !others_.empty() && (others_.begin()->first > 0 || usual_.empty());
    return other ? others_.begin()->second : usual_;
}

ProcessQueue::Level& ProcessQueue::level_of(const PoolEntry& entry) {
    const int priority = entry.plan ? entry.plan->settings.priority : 0;
    return priority == 0 ? usual_ : others_[priority];
}

void ProcessQueue::pop_front() {
    Level& level = next();
    level.pop_front();
    if (&level != &usual_ && level.empty()) others_.erase(others_.begin());
    --size_;
}

void ProcessQueue::push_back(PoolEntry entry) {
    level_of(entry).push_back(std::move(entry));
    ++size_;
}

void ProcessQueue::push_front(PoolEntry entry) {
    level_of(entry).push_front(std::move(entry));
    ++size_;
}

std::optional<PoolEntry> ProcessQueue::take(std::uint64_t id) {
    const auto take_from = [&](Level& level) -> std::optional<PoolEntry> {
        const auto found =
            std::find_if(level.begin(), level.end(), [&](const PoolEntry& e) { return e.id == id; });
        if (found == level.end()) return std::nullopt;
        PoolEntry entry = std::move(*found);
        level.erase(found);
        --size_;
        return entry;
    };
    if (auto entry = take_from(usual_)) return entry;
    for (auto level = others_.begin(); level != others_.end(); ++level)
        if (auto entry = take_from(level->second)) {
            if (level->second.empty()) others_.erase(level);
            return entry;
        }
    return std::nullopt;
}

std::vector<PoolEntry> ProcessQueue::take_all() {
    std::vector<PoolEntry> all;
    all.reserve(size_);
    while (!empty()) {
        all.push_back(std::move(front()));
        pop_front();
    }
    return all;
}

} // namespace aio::detail
