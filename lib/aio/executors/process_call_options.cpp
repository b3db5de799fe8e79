#include <aio/executors/process_call_options.hpp>

#include <string>

#include <aio/core/errors.hpp>

namespace aio {

ProcessCallOptions& ProcessCallOptions::set_timeout(Duration time) {
    if (time <= Duration::zero()) throw ValueError("the timeout of a call must be greater than 0");
    settings_.timeout = time;
    return *this;
}

ProcessCallOptions& ProcessCallOptions::retries(int count) {
    if (count < 0) throw ValueError("retries must not be negative, and is " + std::to_string(count));
    settings_.retries = static_cast<unsigned>(count);
    return *this;
}

ProcessCallOptions& ProcessCallOptions::buffersize(int items) {
    if (items <= 0) throw ValueError("buffersize must be greater than 0, and is " + std::to_string(items));
    settings_.buffersize = static_cast<std::size_t>(items);
    return *this;
}

ProcessCallOptions& ProcessCallOptions::buffer_bytes(std::size_t bytes) {
    if (bytes == 0) throw ValueError("buffer_bytes must be greater than 0");
    settings_.buffer_bytes = bytes;
    return *this;
}

ProcessCallOptions& ProcessCallOptions::memory_limit(std::uint64_t bytes) {
    if (bytes == 0) throw ValueError("memory_limit must be greater than 0");
    settings_.memory_limit = bytes;
    return *this;
}

ProcessCallOptions& ProcessCallOptions::set_cpu_limit(Duration time) {
    if (time < std::chrono::microseconds(1)) throw ValueError("cpu_limit must be at least a microsecond");
    settings_.cpu_limit = std::chrono::ceil<std::chrono::microseconds>(time);
    return *this;
}

} // namespace aio
