#pragma once
// schema_hash: one number for the structure of a type as the codec sees it. Sender and receiver compare it
// before they touch the bytes, so that a call meant for another signature is an error and never a misread.

#include <cstddef>
#include <cstdint>

#include <aio/workers/codec_base.hpp>
#include <aio/workers/codec_shape.hpp>

namespace aio {

namespace detail {

template <class T, class... Open>
consteval std::size_t index_of_open() {
    constexpr bool matches[] = {std::same_as<T, Open>..., false};
    std::size_t index = 0;
    while (index < sizeof...(Open) && !matches[index]) {
        ++index;
    }
    return index;
}

template <class T, class... Open>
consteval std::uint64_t hash_schema(std::uint64_t hash);

template <class... Parts, class... Open>
consteval std::uint64_t hash_parts(TypeList<Parts...>, TypeList<Open...>, std::uint64_t hash) {
    hash = hash_number(sizeof...(Parts), hash);
    ((hash = hash_schema<Parts, Open...>(hash)), ...);
    return hash;
}

template <class T, class... Open>
consteval std::uint64_t hash_schema(std::uint64_t hash) {
    if constexpr (is_one_of<T, Open...>) {
        return hash_number(index_of_open<T, Open...>(), hash_text("recursion", hash));
    } else if constexpr (HasParts<T>) {
        return hash_parts(typename Codec<T>::Parts{}, TypeList<Open..., T>{},
                          hash_number(Codec<T>::shape, hash));
    } else if constexpr (requires { Codec<T>::shape; }) {
        return hash_number(Codec<T>::shape, hash_text("custom", hash));
    } else {
        return hash_number(sizeof(T), hash_text("custom", hash));
    }
}

} // namespace detail

/// A hash of T's structure: kinds, widths, number and order of what it consists of, recursively. Names of
/// types and fields do not enter, so two structs with the same fields have the same hash, and so do a string
/// and a string_view. A type with a codec of its own enters with that codec's `shape`, or with its size.
template <class T>
    requires EncodableInput<T>
[[nodiscard]] consteval std::uint64_t schema_hash() {
    return detail::hash_schema<T>(detail::fnv_offset);
}

} // namespace aio
