#include <aio/executors/map_journal.hpp>

#include <cstring>
#include <memory>

#include <aio/workers/codec_error.hpp>

namespace aio::detail {
namespace {

/// Several times what the results of a chunk take whose size is not up to the user. What is not written to is
/// never there.
constexpr std::size_t journal_bytes = std::size_t{1} << 20;

/// There is one who writes.
void increase(std::atomic<std::uint32_t>& number, std::memory_order order) noexcept {
    number.store(number.load(std::memory_order_relaxed) + 1, order);
}

} // namespace

MapJournal::MapJournal(SharedBuffer memory) : memory_(std::move(memory)) {
    if (!memory_.empty() && memory_.size() < sizeof(Head))
        throw DecodeError("the journal of a map is cut off");
}

MapJournal MapJournal::create() {
    MapJournal journal{SharedBuffer(journal_bytes)};
    std::construct_at(reinterpret_cast<Head*>(journal.memory_.data()));
    return journal;
}

MapJournal::Head& MapJournal::head() const noexcept {
    static_assert(std::atomic<std::uint32_t>::is_always_lock_free, "two processes share it");
    return *reinterpret_cast<Head*>(memory_.data());
}

void MapJournal::begin(std::int64_t pid) noexcept {
    if (!memory_.empty()) head().pid = pid;
}

void MapJournal::begin_item() noexcept {
    if (!memory_.empty()) increase(head().begun, std::memory_order_relaxed);
}

bool MapJournal::add(std::span<const std::byte> outcome) noexcept {
    if (memory_.empty() || outcome.size() > memory_.size() - end_) return false;
    std::memcpy(memory_.data() + end_, outcome.data(), outcome.size());
    end_ += outcome.size();
    increase(head().items, std::memory_order_release);
    return true;
}

std::int64_t MapJournal::pid() const noexcept { return memory_.empty() ? 0 : head().pid; }

std::size_t MapJournal::begun() const noexcept {
    return memory_.empty() ? 0 : head().begun.load(std::memory_order_relaxed);
}

std::size_t MapJournal::items() const noexcept {
    return memory_.empty() ? 0 : head().items.load(std::memory_order_acquire);
}

std::span<const std::byte> MapJournal::outcomes() const noexcept {
    return memory_.empty() ? std::span<const std::byte>() : memory_.bytes().subspan(sizeof(Head));
}

void MapJournal::clear() noexcept {
    end_ = sizeof(Head);
    if (memory_.empty()) return;
    head().begun.store(0, std::memory_order_relaxed);
    head().items.store(0, std::memory_order_relaxed);
}

} // namespace aio::detail
