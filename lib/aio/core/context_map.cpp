#include <aio/core/context_map.hpp>

#include <bit>
#include <utility>
#include <vector>

namespace aio::detail {

/// Up to sixteen entries, those that exist next to each other: a bitmap tells which they are.
class ContextNode {
public:
    /// A variable's value, or with key 0 a node further down.
    struct Entry {
        ContextKey key;
        ContextValue value;
        [[nodiscard]] bool is_node() const noexcept { return key == 0; }
        [[nodiscard]] const ContextNode& node() const noexcept {
            return *static_cast<const ContextNode*>(value.get());
        }
        [[nodiscard]] std::size_t size() const noexcept { return is_node() ? node().size() : 1; }
    };
    using Pointer = std::shared_ptr<const ContextNode>;

    [[nodiscard]] const ContextValue* find(ContextKey key) const noexcept;
    [[nodiscard]] Pointer with(ContextKey key, ContextValue value, unsigned shift) const;
    /// The node without an entry that exists; null if that was the only one.
    [[nodiscard]] Pointer without(ContextKey key, unsigned shift) const;
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    static constexpr unsigned bits = 4;

    [[nodiscard]] static std::uint32_t bit_of(ContextKey key, unsigned shift) noexcept {
        return 1U << (key >> shift & ((1U << bits) - 1));
    }
    [[nodiscard]] bool has(std::uint32_t bit) const noexcept { return (present_ & bit) != 0; }
    [[nodiscard]] std::size_t position(std::uint32_t bit) const noexcept {
        return static_cast<std::size_t>(std::popcount(present_ & (bit - 1)));
    }
    void put(std::uint32_t bit, Entry entry);
    void remove(std::uint32_t bit);

    std::uint32_t present_ = 0;
    std::size_t size_ = 0;
    std::vector<Entry> entries_;
};

const ContextValue* ContextNode::find(ContextKey key) const noexcept {
    const ContextNode* node = this;
    for (unsigned shift = 0;; shift += bits) {
        const std::uint32_t bit = bit_of(key, shift);
        if (!node->has(bit)) return nullptr;
        const Entry& entry = node->entries_[node->position(bit)];
        if (!entry.is_node()) return entry.key == key ? &entry.value : nullptr;
        node = &entry.node();
    }
}

void ContextNode::put(std::uint32_t bit, Entry entry) {
    size_ += entry.size();
    const std::size_t at = position(bit);
    if (has(bit)) {
        size_ -= entries_[at].size();
        entries_[at] = std::move(entry);
        return;
    }
    entries_.insert(entries_.begin() + static_cast<std::ptrdiff_t>(at), std::move(entry));
    present_ |= bit;
}

void ContextNode::remove(std::uint32_t bit) {
    const std::size_t at = position(bit);
    size_ -= entries_[at].size();
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(at));
    present_ &= ~bit;
}

ContextNode::Pointer ContextNode::with(ContextKey key, ContextValue value, unsigned shift) const {
    auto copy = std::make_shared<ContextNode>(*this);
    const std::uint32_t bit = bit_of(key, shift);
    const Entry* const there = has(bit) ? &entries_[position(bit)] : nullptr;
    if (there == nullptr || there->key == key) {
        copy->put(bit, Entry{key, std::move(value)});
    } else if (there->is_node()) {
        copy->put(bit, Entry{0, there->node().with(key, std::move(value), shift + bits)});
    } else {
        // Two variables that agree so far: they part further down.
        ContextNode other;
        other.put(bit_of(there->key, shift + bits), *there);
        copy->put(bit, Entry{0, other.with(key, std::move(value), shift + bits)});
    }
    return copy;
}

ContextNode::Pointer ContextNode::without(ContextKey key, unsigned shift) const {
    const std::uint32_t bit = bit_of(key, shift);
    const Entry& there = entries_[position(bit)];
    auto copy = std::make_shared<ContextNode>(*this);
    if (!there.is_node()) {
        copy->remove(bit);
        if (copy->entries_.empty()) return nullptr;
        return copy;
    }
    Pointer below = there.node().without(key, shift + bits);
    // A value that has become the only one moves up, so that the trie is no deeper than its values need.
    if (below == nullptr)
        copy->remove(bit);
    else if (below->entries_.size() == 1 && !below->entries_.front().is_node())
        copy->put(bit, below->entries_.front());
    else
        copy->put(bit, Entry{0, std::move(below)});
    return copy;
}

const ContextValue* ContextMap::find(ContextKey key) const noexcept {
    return root_ ? root_->find(key) : nullptr;
}

void ContextMap::set(ContextKey key, ContextValue value) {
    static const ContextNode none;
    root_ = (root_ ? *root_ : none).with(key, std::move(value), 0);
}

void ContextMap::erase(ContextKey key) {
    if (find(key) != nullptr) root_ = root_->without(key, 0);
}

std::size_t ContextMap::size() const noexcept { return root_ ? root_->size() : 0; }

} // namespace aio::detail
