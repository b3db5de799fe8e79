#pragma once

/// Sees how much memory is asked for at once, in the whole program. Sanitizers keep their own `operator new`:
/// nothing is seen under them.

#include <cstddef>

namespace fuzz {

/// Watches while it lives, one at a time.
class AllocationWatch {
public:
    AllocationWatch() noexcept;
    ~AllocationWatch();
    AllocationWatch(const AllocationWatch&) = delete;
    AllocationWatch& operator=(const AllocationWatch&) = delete;
    /// The largest request so far, granted or not.
    [[nodiscard]] std::size_t largest() const noexcept;
    /// Whether anything can be seen in this build.
    [[nodiscard]] static bool works() noexcept;
};

} // namespace fuzz
