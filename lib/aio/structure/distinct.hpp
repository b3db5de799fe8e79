#pragma once

/// Drops repetitions from a list of futures, for the functions that treat the same future given twice as one.

#include <algorithm>
#include <cstddef>
#include <unordered_set>
#include <utility>
#include <vector>

#include <aio/core/future.hpp>

namespace aio::detail {

/// Keeps the first of several handles to one future, and the order. Linear in their number. Throws
/// `InvalidStateError` if a handle is empty.
template <class F>
void drop_duplicates(std::vector<F>& futures) {
    // A few are compared with each other, which needs no memory.
    constexpr std::size_t few = 16;
    const bool many = futures.size() > few;
    std::unordered_set<const FutureState*> seen;
    if (many) seen.reserve(futures.size());
    auto end = futures.begin();
    for (F& future : futures) {
        const FutureState* const state = &future.state();
        const auto same = [state](const F& other) { return &other.state() == state; };
        const bool repeated = many ? !seen.insert(state).second : std::any_of(futures.begin(), end, same);
        if (repeated) continue;
        if (&*end != &future) *end = std::move(future);
        ++end;
    }
    futures.erase(end, futures.end());
}

} // namespace aio::detail
