#pragma once

/// Counts what this program allocates, to show that an await does not.

#include <cstdint>

/// The number of calls of `operator new` on this thread so far.
std::uint64_t allocations() noexcept;
