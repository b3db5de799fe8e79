#pragma once

/// `shuffle`: runs what is ready in a random order that can be repeated.
///
/// A loop runs tasks in the order in which they became ready, so a test sees one interleaving of many, and
/// code comes to depend on it by accident. With a seed each round's tasks and callbacks run in an order drawn
/// from it: the same seed gives the same run, on every machine. Try many, and print the one that fails:
///
///     for (std::uint64_t seed = 0; seed < 1000; ++seed) {
///         CAPTURE(seed);
///         aio::testing::run(scenario(), seed);
///     }
///
/// The rules about the order of callbacks do not hold in such a loop, by intention; all others do.

#include <cstdint>

#include <aio/core/event_loop.hpp>

namespace aio::testing {

/// From now on `loop` shuffles each of its rounds. Throws `RuntimeError` if the loop is closed.
inline void shuffle(EventLoop& loop, std::uint64_t seed) { loop.shuffle_ready(seed); }

} // namespace aio::testing
