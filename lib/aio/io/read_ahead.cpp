#include <aio/io/read_ahead.hpp>

namespace aio::detail {
namespace {

/// What most requests fit into.
constexpr std::size_t first_capacity = 512;
/// Memory up to this size is kept when the bytes are gone.
constexpr std::size_t kept_capacity = 4096;

} // namespace

void ReadAhead::append(std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    const std::size_t size_after = size() + bytes.size();
    if (end_ + bytes.size() > capacity_) {
        // Moving is worth it only when much has been consumed; otherwise a byte now and then would move all
        // the rest each time.
        if (size_after <= capacity_ && begin_ >= capacity_ / 2) {
            std::memmove(memory_.get(), memory_.get() + begin_, size());
        } else {
            const std::size_t capacity = std::max({size_after, capacity_ * 2, first_capacity});
            std::unique_ptr<std::byte[]> larger(new std::byte[capacity]);
            if (!empty()) std::memcpy(larger.get(), memory_.get() + begin_, size());
            memory_ = std::move(larger);
            capacity_ = capacity;
        }
        end_ = size();
        begin_ = 0;
    }
    std::memcpy(memory_.get() + end_, bytes.data(), bytes.size());
    end_ += bytes.size();
}

void ReadAhead::consume(std::size_t count) noexcept {
    begin_ += count;
    if (begin_ != end_) return;
    begin_ = end_ = 0;
    if (capacity_ > kept_capacity) {
        memory_.reset();
        capacity_ = 0;
    }
}

} // namespace aio::detail
