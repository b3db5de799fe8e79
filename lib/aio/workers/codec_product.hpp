#pragma once
// Codecs of values made of several others side by side: pair, tuple, and plain structs. Fields follow one
// another with nothing in between; only an empty one takes a byte.

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <aio/workers/codec_kinds.hpp>
#include <aio/workers/codec_scalar.hpp>

namespace aio {

namespace detail {

template <class... Parts>
consteval std::size_t min_size_of_all(TypeList<Parts...>) {
    return sizeof...(Parts) == 0 ? 1 : (min_encoded_size<Parts>() + ... + 0);
}

struct FieldEncoder {
    ByteWriter& out;

    template <class... Declared>
    void operator()(const Declared&... fields) const {
        if constexpr (sizeof...(fields) == 0) {
            aio::encode(out, nullptr);
        } else {
            (aio::encode(out, fields), ...);
        }
    }
};

} // namespace detail

template <class First, class Second>
struct Codec<std::pair<First, Second>> {
    using Parts = detail::TypeList<First, Second>;
    static constexpr std::size_t min_size = detail::min_size_of_all(Parts{});
    static constexpr std::uint64_t shape = detail::hash_text("product");

    static void encode(ByteWriter& out, const std::pair<First, Second>& value) {
        aio::encode(out, value.first);
        aio::encode(out, value.second);
    }
    static std::pair<First, Second> decode(ByteReader& in) {
        return std::pair<First, Second>{aio::decode<First>(in), aio::decode<Second>(in)};
    }
};

template <class... Ts>
struct Codec<std::tuple<Ts...>> {
    using Parts = detail::TypeList<Ts...>;
    static constexpr std::size_t min_size = detail::min_size_of_all(Parts{});
    static constexpr std::uint64_t shape = detail::hash_text("product");

    static void encode(ByteWriter& out, const std::tuple<Ts...>& value) {
        std::apply([&out](const Ts&... fields) { detail::FieldEncoder{out}.operator()<Ts...>(fields...); },
                   value);
    }
    static std::tuple<Ts...> decode(ByteReader& in) {
        if constexpr (sizeof...(Ts) == 0) {
            static_cast<void>(aio::decode<std::nullptr_t>(in));
            return {};
        } else {
            return std::tuple<Ts...>{aio::decode<Ts>(in)...};
        }
    }
};

/// Plain structs: no constructors, bases, private fields, C arrays, bit-fields or references; at most 32
/// fields.
template <detail::PlainStruct T>
struct Codec<T> {
    using Parts = detail::FieldTypes<T>;
    static constexpr std::size_t min_size = detail::min_size_of_all(Parts{});
    static constexpr std::uint64_t shape = detail::hash_text("product");

    static void encode(ByteWriter& out, const T& value) {
        detail::visit_fields(value, detail::FieldEncoder{out});
    }
    static T decode(ByteReader& in) { return decode_fields(in, Parts{}); }

private:
    template <class... Fields>
    static T decode_fields(ByteReader& in, detail::TypeList<Fields...>) {
        if constexpr (sizeof...(Fields) == 0) {
            static_cast<void>(aio::decode<std::nullptr_t>(in));
            return T{};
        } else {
            return T{aio::decode<Fields>(in)...};
        }
    }
};

} // namespace aio
