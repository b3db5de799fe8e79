#include <aio/workers/slab_arena.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace aio::detail {

namespace {

constexpr std::size_t smallest_slab = std::size_t{64} << 10;
constexpr std::size_t largest_slab = std::size_t{1} << (std::numeric_limits<std::size_t>::digits - 2);

/// Each takes a descriptor, and a mapping in every process that knows it.
constexpr std::size_t most_idle_slabs = 64;

} // namespace

SlabLease::~SlabLease() { SlabArena::instance().recycle(std::move(slab_)); }

SlabArena& SlabArena::instance() {
    alignas(SlabArena) static std::byte storage[sizeof(SlabArena)];
    static SlabArena* const arena = ::new (static_cast<void*>(storage)) SlabArena;
    return *arena;
}

SlabRef SlabArena::acquire(std::size_t size) {
    if (size > largest_slab)
        throw std::system_error(std::make_error_code(std::errc::not_enough_memory),
                                "cannot make shared memory of " + std::to_string(size) + " bytes");
    const std::size_t capacity = std::max(smallest_slab, std::bit_ceil(size));
    std::unique_ptr<Slab> slab;
    std::uint64_t id = 0;
    {
        const std::lock_guard lock(mutex_);
        forget_inherited();
        slab = take_idle(capacity);
        if (!slab) id = (process_ << 32) | ++last_id_;
    }
    if (!slab) slab = Slab::make(id, capacity);
    return std::make_shared<SlabLease>(std::move(slab));
}

std::unique_ptr<Slab> SlabArena::take_idle(std::size_t capacity) noexcept {
    // The one used last is the one most likely to be in the processor's caches.
    const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](const std::unique_ptr<Slab>& slab) {
        return slab->capacity() == capacity;
    });
    if (found == idle_.rend()) return nullptr;
    std::unique_ptr<Slab> slab = std::move(*found);
    idle_.erase(std::next(found).base());
    kept_bytes_ -= capacity;
    return slab;
}

void SlabArena::recycle(std::unique_ptr<Slab> slab) noexcept {
    if (!slab) return;
    if (slab->belongs_to_pool || !slab->mapped_here()) return;
    const std::lock_guard lock(mutex_);
    forget_inherited();
    if (slab->retired()) {
        dispose(std::move(slab));
        return;
    }
    if (lend_to_maker(slab)) return;
    kept_bytes_ += slab->capacity();
    try {
        idle_.push_back(std::move(slab));
    } catch (const std::bad_alloc&) {
        kept_bytes_ -= slab->capacity();
        dispose(std::move(slab));
    }
    trim(idle_limit_);
}

bool SlabArena::lend_to_maker(std::unique_ptr<Slab>& slab) noexcept {
    const std::size_t capacity = slab->capacity();
    const auto maker = holders_.find(maker_of(slab->id()));
    if (maker == holders_.end() || idle_limit_ < capacity || lent_bytes_ > idle_limit_ - capacity)
        return false;
    if (!maker->second->lend(slab)) return false;
    lent_bytes_ += capacity;
    trim(idle_limit_);
    return true;
}

void SlabArena::dispose(std::unique_ptr<Slab> slab) noexcept {
    for (const auto& [process, holder] : holders_) holder->forget(slab->id());
}

void SlabArena::trim(std::size_t limit) noexcept {
    const std::size_t room = limit > lent_bytes_ ? limit - lent_bytes_ : 0;
    auto at = idle_.begin();
    // In a worker, what the pool has lent is the pool's to count.
    while (at != idle_.end() && (kept_bytes_ > room || idle_.size() > most_idle_slabs)) {
        if ((*at)->known_to_pool) {
            ++at;
            continue;
        }
        kept_bytes_ -= (*at)->capacity();
        std::unique_ptr<Slab> slab = std::move(*at);
        at = idle_.erase(at);
        dispose(std::move(slab));
    }
}

void SlabArena::set_idle_limit(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    idle_limit_ = bytes;
    trim(bytes);
}

std::size_t SlabArena::idle_bytes() {
    const std::lock_guard lock(mutex_);
    return kept_bytes_ + lent_bytes_;
}

void SlabArena::add_holder(std::uint64_t process, SlabHolder& holder) {
    const std::lock_guard lock(mutex_);
    forget_inherited();
    holders_.emplace(process, &holder);
}

void SlabArena::remove_holder(std::uint64_t process) noexcept {
    const std::lock_guard lock(mutex_);
    holders_.erase(process);
}

void SlabArena::count_returned(std::size_t capacity) noexcept {
    const std::lock_guard lock(mutex_);
    lent_bytes_ -= capacity;
}

std::uint64_t SlabArena::new_process_number() noexcept {
    const std::lock_guard lock(mutex_);
    return ++last_process_;
}

void SlabArena::become_worker(std::uint64_t process) {
    const std::lock_guard lock(mutex_);
    forget_inherited();
    process_ = process;
    last_process_ = std::max(last_process_, process);
}

void SlabArena::forget_inherited() noexcept {
    const int self = current_process();
    if (owner_ == self) return;
    owner_ = self;
    idle_.clear();
    holders_.clear();
    kept_bytes_ = 0;
    lent_bytes_ = 0;
}

} // namespace aio::detail
