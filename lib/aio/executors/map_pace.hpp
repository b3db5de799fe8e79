#pragma once

/// How far ahead `map` works, and in chunks of what size.

#include <chrono>
#include <cstddef>

#include <aio/executors/map_options.hpp>

namespace aio {
class Executor;
}

namespace aio::detail {

/// A call to a process costs a round trip, whatever it does. So there many short calls travel as one: as many
/// as have lately taken a few milliseconds, unless the options say a number. In this process a call costs
/// little and each travels alone.
class MapPace {
public:
    MapPace(const MapOptions& options, const Executor& executor);

    /// Whether the calls run in other processes.
    [[nodiscard]] bool remote() const noexcept { return remote_; }
    /// How many items the next chunk should have.
    [[nodiscard]] std::size_t chunk() const noexcept { return chunk_; }
    /// How many items may be out at once; at least a chunk.
    [[nodiscard]] std::size_t window() const noexcept { return window_; }
    /// What a chunk has cost: the time it took, and the bytes of its results.
    void measure(std::size_t items, std::chrono::nanoseconds took, std::size_t bytes) noexcept;

    /// Sees to it that items travel one by one unless the options say a number: what they give would be lost
    /// with a worker that dies later in the chunk.
    void keep_single() noexcept {
        single_ = true;
        set_fitting(1);
    }

private:
    /// `items` is what would be best, as far as the options do not say a number.
    void set_fitting(std::size_t items) noexcept;

    MapOptions options_;
    std::size_t workers_;
    bool remote_;
    std::size_t fitting_ = 1;
    std::size_t chunk_ = 1;
    std::size_t window_ = 1;
    /// Means for one item, of which the latest chunk makes a quarter.
    double nanoseconds_ = 0;
    double bytes_ = 0;
    bool measured_ = false;
    bool single_ = false;
};

} // namespace aio::detail
