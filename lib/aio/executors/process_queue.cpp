#include <aio/executors/process_queue.hpp>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

namespace aio::detail {

// A call that came at t has the priority p + (now - t) / ageing, so which of two is the higher does not
// change with time: the next one is that with the smallest t - p * ageing, and within a level that is its
// first.
double ProcessQueue::rank(int priority, const Level& level) const noexcept {
    const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
    return seconds(level.front().queued_at.time_since_epoch()) - priority * seconds(ageing_);
}

// Levels in the map are never empty.
ProcessQueue::Levels::iterator ProcessQueue::next_level() noexcept {
    if (others_.empty()) return others_.end();
    if (ageing_ == Duration::zero())
        return others_.begin()->first > 0 || usual_.empty() ? others_.begin() : others_.end();
    auto best = others_.end();
    double best_rank = usual_.empty() ? std::numeric_limits<double>::infinity() : rank(0, usual_);
    for (auto level = others_.begin(); level != others_.end(); ++level) {
        const double its_rank = rank(level->first, level->second);
        if (its_rank >= best_rank) continue;
        best = level;
        best_rank = its_rank;
    }
    return best;
}

PoolEntry& ProcessQueue::front() noexcept {
    const auto level = next_level();
    return level == others_.end() ? usual_.front() : level->second.front();
}

ProcessQueue::Level& ProcessQueue::level_of(const PoolEntry& entry) {
    const int priority = entry.plan ? entry.plan->settings.priority : 0;
    return priority == 0 ? usual_ : others_[priority];
}

void ProcessQueue::pop_front() {
    const auto level = next_level();
    (level == others_.end() ? usual_ : level->second).pop_front();
    if (level != others_.end() && level->second.empty()) others_.erase(level);
    --size_;
}

void ProcessQueue::push_back(PoolEntry entry) {
    entry.turn = next_turn_++;
    level_of(entry).push_back(std::move(entry));
    ++size_;
}

void ProcessQueue::push_front(PoolEntry entry) {
    level_of(entry).push_front(std::move(entry));
    ++size_;
}

void ProcessQueue::put_back(PoolEntry entry) {
    Level& level = level_of(entry);
    // Mostly the first one: those that are put back came before the others.
    const auto later = std::ranges::find_if(level, [&](const PoolEntry& e) { return e.turn > entry.turn; });
    level.insert(later, std::move(entry));
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
