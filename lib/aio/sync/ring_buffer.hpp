#pragma once

/// The store of queues and channels.

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace aio::detail {

/// A FIFO of values in one block, which grows by doubling and is kept: once it has been as full as it gets,
/// nothing is allocated any more.
template <class T>
class RingBuffer {
public:
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    void push(T&& value) {
        if (size_ == slots_.size()) grow();
        slots_[(first_ + size_) & (slots_.size() - 1)].emplace(std::move(value));
        ++size_;
    }

    /// Takes the oldest value out; there must be one.
    T pop() {
        std::optional<T>& slot = slots_[first_];
        T value = std::move(*slot);
        slot.reset();
        first_ = (first_ + 1) & (slots_.size() - 1);
        --size_;
        return value;
    }

    /// Destroys all values. Their destructors may use whatever this belongs to.
    void clear() {
        const std::vector<std::optional<T>> dropped = std::exchange(slots_, {});
        first_ = 0;
        size_ = 0;
    }

private:
    void grow() {
        std::vector<std::optional<T>> larger(slots_.empty() ? 4 : slots_.size() * 2);
        for (std::size_t i = 0; i < size_; ++i)
            larger[i].emplace(std::move(*slots_[(first_ + i) & (slots_.size() - 1)]));
        slots_ = std::move(larger);
        first_ = 0;
    }

    /// A power of two of them, or none.
    std::vector<std::optional<T>> slots_;
    std::size_t first_ = 0;
    std::size_t size_ = 0;
};

} // namespace aio::detail
