#pragma once

/// How worker processes come to be.

#include <cstdint>

namespace aio {

/// What the memory of a worker is a copy of. All three give a process with one thread, none of this program's
/// descriptors, and default signal handling.
enum class StartMethod : std::uint8_t {
    /// Forked from a helper process, the zygote, which is a copy of this program as it was in `aio::run` or
    /// `worker_entry`; or when the first pool was used, if it had one thread then; else it is this program
    /// executed once more, and what it finds at `worker_entry`. A worker starts in well under a millisecond.
    zygote,
    /// This program executed once more for each worker, up to `aio::run` or `worker_entry`: memory of its own
    /// from the start. Takes as long as the program takes to come there, a few milliseconds at least.
    spawn,
    /// Forked from a copy of this process as it is when the first worker is started, with everything that it
    /// has loaded by then. Refused if the process has other threads: the copy would inherit their locks.
    fork,
};

} // namespace aio
