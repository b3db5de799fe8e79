#include <aio/executors/process_pool_options.hpp>

#include <string>

#include <aio/core/errors.hpp>
#include <aio/uv/loop.hpp>

namespace aio {
namespace {

void require_positive(const char* what, std::int64_t value) {
    if (value <= 0)
        throw ValueError(std::string(what) + " must be greater than 0, not " + std::to_string(value));
}

void require_not_negative(const char* what, std::int64_t value) {
    if (value < 0)
        throw ValueError(std::string(what) + " must not be negative, and is " + std::to_string(value));
}

} // namespace

ProcessPoolOptions::ProcessPoolOptions() { settings_.max_workers = uv::available_parallelism(); }

ProcessPoolOptions& ProcessPoolOptions::max_workers(int count) {
    require_positive("max_workers", count);
    settings_.max_workers = static_cast<std::size_t>(count);
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::min_workers(int count) {
    require_not_negative("min_workers", count);
    settings_.min_workers = static_cast<std::size_t>(count);
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::set_idle_timeout(Duration timeout) {
    require_not_negative("idle_timeout", timeout.count());
    settings_.idle_timeout = timeout;
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::max_tasks_per_child(std::int64_t count, std::int64_t jitter) {
    require_positive("max_tasks_per_child", count);
    require_not_negative("the jitter of max_tasks_per_child", jitter);
    settings_.max_tasks = static_cast<std::uint64_t>(count);
    settings_.max_tasks_jitter = static_cast<std::uint64_t>(jitter);
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::max_failed_starts(int count) {
    require_positive("max_failed_starts", count);
    settings_.max_failed_starts = static_cast<unsigned>(count);
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::set_start_timeout(Duration timeout) {
    require_positive("start_timeout", timeout.count());
    settings_.start_timeout = timeout;
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::set_stop_grace(Duration time) {
    require_not_negative("stop_grace", time.count());
    settings_.stop_grace = time;
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::set_priority_ageing(Duration period) {
    require_positive("priority_ageing", period.count());
    settings_.priority_ageing = period;
    return *this;
}

ProcessPoolOptions& ProcessPoolOptions::set_kill_grace(Duration time) {
    require_not_negative("kill_grace", time.count());
    settings_.kill_grace = time;
    return *this;
}

} // namespace aio
