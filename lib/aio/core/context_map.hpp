#pragma once

/// The map behind a context: persistent, so that a copy is one pointer and old versions live on.
///
/// A trie with sixteen ways at each node, over the numbers of variables, four bits at a time from the lowest.
/// Numbers are given out in sequence, so their low bits spread evenly and need no hashing: a lookup among a
/// thousand variables visits three nodes, and setting one copies three nodes of at most sixteen entries.
/// Versions are shared between threads, because `to_thread` carries a context over; nodes never change, and
/// their reference counts are atomic.

#include <cstddef>
#include <cstdint>
#include <memory>

namespace aio::detail {

/// The number of a context variable, never used twice; not zero.
using ContextKey = std::uint64_t;
/// A value, shared by all versions that have it.
using ContextValue = std::shared_ptr<const void>;

class ContextNode;

/// One version. A copy is a pointer; `set` and `erase` leave copies as they are.
class ContextMap {
public:
    /// The value, or null.
    [[nodiscard]] const ContextValue* find(ContextKey key) const noexcept;
    /// Adds or replaces a value, which must not be null.
    void set(ContextKey key, ContextValue value);
    /// Removes a value if there is one.
    void erase(ContextKey key);
    [[nodiscard]] std::size_t size() const noexcept;

    /// Whether this is the same version, which implies the same values.
    friend bool operator==(const ContextMap& a, const ContextMap& b) noexcept { return a.root_ == b.root_; }

private:
    std::shared_ptr<const ContextNode> root_;
};

} // namespace aio::detail
