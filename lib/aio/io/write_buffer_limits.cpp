#include <aio/io/write_buffer_limits.hpp>

#include <string>

#include <aio/core/errors.hpp>
#include <aio/uv/stream.hpp>

namespace aio {

WriteBufferLimits WriteBufferLimits::of(std::optional<std::size_t> high, std::optional<std::size_t> low) {
    if (!high) high = low ? 4 * *low : uv::Stream::default_high_water;
    if (!low) low = *high / 4;
    if (*low > *high)
        throw ValueError("set_write_buffer_limits: the high-water mark (" + std::to_string(*high) +
                         ") must not be below the low-water mark (" + std::to_string(*low) + ")");
    return WriteBufferLimits(*low, *high);
}

} // namespace aio
