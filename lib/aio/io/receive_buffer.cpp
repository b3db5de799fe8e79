#include <aio/io/receive_buffer.hpp>

#include <algorithm>
#include <cstring>
#include <new>

namespace aio::detail {
namespace {

/// Memory up to this size is kept while there is nothing in it.
constexpr std::size_t kept_capacity = 4096;
/// So much is kept at most when it is copied.
constexpr std::size_t copied_limit = std::size_t(64) * 1024;
/// When so many bytes come at a time they are read into memory of this size, until fewer than half come.
constexpr std::size_t many = std::size_t(32) * 1024;
constexpr std::size_t direct_capacity = std::size_t(96) * 1024;
/// Less room than this is none: it would be filled by a read that must then be followed by another.
constexpr std::size_t least_room = 4096;

} // namespace

std::span<std::byte> ReceiveBuffer::room(std::span<std::byte> shared) noexcept {
    if (capacity_ == direct_capacity) {
        const std::size_t left = capacity_ - size_;
        return left < least_room ? std::span<std::byte>() : std::span(memory_.get() + size_, left);
    }
    return shared.first(std::min(shared.size(), copied_limit - std::min(copied_limit, size_)));
}

void ReceiveBuffer::received(std::span<const std::byte> data) {
    if (data.empty()) return;
    if (memory_ == nullptr || data.data() != memory_.get() + size_) {
        if (size_ + data.size() > capacity_) grow(std::max({size_ + data.size(), 2 * size_, kept_capacity}));
        std::memcpy(memory_.get() + size_, data.data(), data.size());
    }
    size_ += data.size();
}

void ReceiveBuffer::grow(std::size_t capacity) {
    std::unique_ptr<std::byte[]> larger(new std::byte[capacity]);
    if (size_ != 0) std::memcpy(larger.get(), memory_.get(), size_);
    memory_ = std::move(larger);
    capacity_ = capacity;
}

std::span<const std::byte> ReceiveBuffer::take() noexcept {
    taken_ = size_;
    size_ = 0;
    return {memory_.get(), taken_};
}

void ReceiveBuffer::put_back(std::span<const std::byte> rest) noexcept {
    if (!rest.empty()) std::memmove(memory_.get(), rest.data(), rest.size());
    size_ = rest.size();
    recycle();
}

void ReceiveBuffer::recycle() noexcept {
    if (capacity_ <= kept_capacity || size_ != 0) return;
    if (taken_ >= many) {
        if (capacity_ == direct_capacity) return;
        if (std::byte* const direct = new (std::nothrow) std::byte[direct_capacity]) {
            memory_.reset(direct);
            capacity_ = direct_capacity;
            return;
        }
    } else if (capacity_ == direct_capacity && taken_ >= many / 2) {
        return;
    }
    memory_.reset();
    capacity_ = 0;
}

} // namespace aio::detail
