#pragma once
// What goes along with a call, and what comes back with its result, if the call was made with options.

#include <cstdint>

namespace aio::detail {

/// The payload of the ORDERS frame. All fields have a fixed size, so that it can be written again in place.
struct WorkerOrders {
    std::uint32_t attempt = 1;
    std::uint32_t measure = 0; ///< 1: send a USAGE frame before the result
    std::int64_t cpu_microseconds = 0;
    std::uint64_t memory_bytes = 0; ///< beyond what the process has already; 0: no limit
    std::uint64_t stream_items = 0; ///< how many it may emit ahead of its reader; 0: none at all
    std::uint64_t stream_bytes = 0; ///< how large these may be together
};

/// The payload of the CREDIT frame: what the reader has taken since the last one.
struct StreamCredit {
    std::uint64_t items = 0;
    std::uint64_t bytes = 0;
};

/// What comes behind an item in the ITEM frame, at the very end of its payload and as it lies in memory.
struct ItemTrailer {
    std::uint64_t bytes = 0; ///< what counts as its size, shared memory included
    std::uint64_t notes = 0; ///< about shared memory, sent since the last such frame
};

/// What comes behind a result or error with the flag `has_buffer_notes`, in the same way.
struct AnswerTrailer {
    std::uint64_t notes = 0;
};

/// The payload of the USAGE frame.
struct CallUsage {
    std::int64_t wall_nanoseconds = 0;
    std::int64_t user_microseconds = 0;
    std::int64_t system_microseconds = 0;
    std::uint64_t max_resident_bytes = 0;
};

} // namespace aio::detail
