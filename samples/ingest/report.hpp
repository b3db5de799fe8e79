#pragma once

/// What the user gets on stdout in the end.

#include <cstddef>

#include "one_thread.hpp"
#include "options.hpp"
#include "state.hpp"

namespace ingest {

/// The table of what was done.
void print_table(const State& state, const Options& options);

/// How long it took with all pools, and on one thread. False if the two came to different results.
bool print_comparison(const State& state, const OneThread& one);

} // namespace ingest
