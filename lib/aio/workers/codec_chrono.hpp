#pragma once
// Codecs of durations and points in time: their tick count. Points of a steady clock stay meaningful, because
// all processes of a host share that clock.

#include <chrono>
#include <cstddef>
#include <cstdint>

#include <aio/workers/codec_scalar.hpp>

namespace aio {

template <class Rep, class Period>
struct Codec<std::chrono::duration<Rep, Period>> {
    using Duration = std::chrono::duration<Rep, Period>;
    using Parts = detail::TypeList<Rep>;
    static constexpr std::size_t min_size = detail::min_encoded_size<Rep>();
    static constexpr std::uint64_t shape = detail::hash_number(
        static_cast<std::uint64_t>(Period::den),
        detail::hash_number(static_cast<std::uint64_t>(Period::num), detail::hash_text("duration")));

    static void encode(ByteWriter& out, const Duration& value) { aio::encode(out, value.count()); }
    static Duration decode(ByteReader& in) { return Duration(aio::decode<Rep>(in)); }
};

template <class Clock, class Duration>
struct Codec<std::chrono::time_point<Clock, Duration>> {
    using TimePoint = std::chrono::time_point<Clock, Duration>;
    using Parts = detail::TypeList<Duration>;
    static constexpr std::size_t min_size = detail::min_encoded_size<Duration>();
    static constexpr std::uint64_t shape =
        detail::hash_number(Clock::is_steady ? 1 : 0, detail::hash_text("time_point"));

    static void encode(ByteWriter& out, const TimePoint& value) {
        aio::encode(out, value.time_since_epoch());
    }
    static TimePoint decode(ByteReader& in) { return TimePoint(aio::decode<Duration>(in)); }
};

} // namespace aio
