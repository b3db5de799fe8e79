#pragma once
// Codecs of the smallest values: numbers, bool, enumerations, and nullptr for nothing at all.

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include <aio/workers/codec_base.hpp>
#include <aio/workers/codec_shape.hpp>

namespace aio {

namespace detail {

template <class T>
consteval bool is_raw_scalar() {
    if constexpr (std::is_enum_v<T>) {
        return !std::is_same_v<std::underlying_type_t<T>, bool>;
    } else {
        return std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;
    }
}

/// A scalar for which every bit pattern may be copied: ranges of these are copied as a whole.
template <class T>
concept RawScalar = is_raw_scalar<T>();

template <class T>
concept FlagScalar = std::is_same_v<T, bool> || (std::is_enum_v<T> && !is_raw_scalar<T>());

} // namespace detail

/// Numbers and enumerations, in the representation of this machine. An enumerator arrives by number: a value
/// without a name is passed on, as a cast would. (So corrupt input can give an enumeration without a fixed
/// underlying type a value outside its range, which no decoder can see; `enum class` and `enum E : int` have
/// no such values.)
template <detail::RawScalar T>
struct Codec<T> {
    using Parts = detail::TypeList<>;
    static constexpr std::size_t min_size = sizeof(T);
    static constexpr std::uint64_t shape =
        detail::hash_number(sizeof(T) * 8 + (std::is_enum_v<T> ? 4 : 0) +
                                (std::is_floating_point_v<T> ? 2 : 0) + (std::is_signed_v<T> ? 1 : 0),
                            detail::hash_text("scalar"));

    static void encode(ByteWriter& out, T value) { out.append_scalar(value); }
    static T decode(ByteReader& in) { return in.read_scalar<T>(); }
};

/// bool, and enumerations over bool: one byte, 0 or 1 and nothing else.
template <detail::FlagScalar T>
struct Codec<T> {
    using Parts = detail::TypeList<>;
    static constexpr std::size_t min_size = 1;
    static constexpr std::uint64_t shape = detail::hash_text("bool");

    static void encode(ByteWriter& out, T value) { out.append_scalar(static_cast<std::uint8_t>(value)); }
    static T decode(ByteReader& in) { return static_cast<T>(in.read_flag("bool")); }
};

/// What carries nothing takes one zero byte, so that a vector of it has a length that can be checked. Empty
/// structs, std::monostate among them, are written as this.
template <>
struct Codec<std::nullptr_t> {
    using Parts = detail::TypeList<>;
    static constexpr std::size_t min_size = 1;
    static constexpr std::uint64_t shape = detail::hash_text("unit");

    static void encode(ByteWriter& out, std::nullptr_t) { out.append_scalar(std::uint8_t{0}); }
    static std::nullptr_t decode(ByteReader& in) {
        if (in.read_scalar<std::uint8_t>() != 0) {
            throw DecodeError("an empty value must be encoded as 0");
        }
        return nullptr;
    }
};

} // namespace aio
