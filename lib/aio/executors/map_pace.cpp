#include <aio/executors/map_pace.hpp>

#include <algorithm>

#include <aio/executors/process_pool.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/executors/work_queue_executor.hpp>
#include <aio/uv/loop.hpp>

namespace aio::detail {
namespace {

/// A round trip is some ten microseconds: lost in this, and short enough for results to flow.
constexpr double wanted_nanoseconds = 2e6;
/// The results of a chunk should fit in its journal, also if they grow.
constexpr double wanted_bytes = 1 << 18;
constexpr std::size_t most_items = 65536;
/// Items differ: one that was quick is no promise for thousands.
constexpr std::size_t most_growth = 4;
/// One chunk that is computed, and one that waits, so that no worker does.
constexpr std::size_t chunks_for_worker = 2;

std::size_t workers_of(const Executor& executor) {
    if (const auto* threads = dynamic_cast<const ThreadPoolExecutor*>(&executor))
        return static_cast<std::size_t>(threads->max_workers());
    if (const auto* processes = dynamic_cast<const ProcessPoolExecutor*>(&executor))
        return static_cast<std::size_t>(processes->max_workers());
    if (dynamic_cast<const WorkQueueExecutor*>(&executor) != nullptr) return WorkQueueExecutor::share();
    return uv::available_parallelism();
}

} // namespace

MapPace::MapPace(const MapOptions& options, const Executor& executor)
    : options_(options),
      workers_(std::max<std::size_t>(workers_of(executor), 1)),
      remote_(dynamic_cast<const ProcessPoolExecutor*>(&executor) != nullptr) {
    set_fitting(1);
}

void MapPace::set_fitting(std::size_t items) noexcept {
    fitting_ = items;
    const auto& chunk = options_.chunksize();
    const auto& buffer = options_.buffersize();
    if (chunk)
        chunk_ = buffer ? std::min(*chunk, *buffer) : *chunk;
    else if (buffer)
        chunk_ = std::clamp<std::size_t>(*buffer / (workers_ * chunks_for_worker), 1, items);
    else
        chunk_ = items;
    window_ = buffer ? *buffer : chunk_ * workers_ * chunks_for_worker;
}

void MapPace::measure(std::size_t items, std::chrono::nanoseconds took, std::size_t bytes) noexcept {
    if (items == 0 || single_) return;
    const auto count = static_cast<double>(items);
    const double time_now = static_cast<double>(std::max<std::int64_t>(took.count(), 1)) / count;
    const double bytes_now = static_cast<double>(bytes) / count;
    nanoseconds_ = measured_ ? (3 * nanoseconds_ + time_now) / 4 : time_now;
    bytes_ = measured_ ? (3 * bytes_ + bytes_now) / 4 : bytes_now;
    measured_ = true;
    const double fitting = std::min(wanted_nanoseconds / nanoseconds_, wanted_bytes / std::max(bytes_, 1.0));
    const auto most = static_cast<double>(std::min(fitting_ * most_growth, most_items));
    set_fitting(static_cast<std::size_t>(std::clamp(fitting, 1.0, most)));
}

} // namespace aio::detail
