#pragma once

/// The same work on one thread, to compare with.

#include <chrono>
#include <optional>

#include <aio/aio.hpp>

#include "filter.hpp"
#include "state.hpp"

namespace ingest {

struct OneThread {
    Totals totals;
    std::chrono::duration<double> elapsed{};
};

/// Reads, parses, filters and adds up the files of `state` once more, but for those that were lost, one after
/// the other in one thread. When this is cancelled, waits for the file that is being done.
aio::Coro<OneThread> on_one_thread(const State& state, Filter& filter);

} // namespace ingest
