#pragma once
// The protocol between the codec and the types it can send: the class template `Codec`, the concept
// `Encodable`, and the three functions to use. Include <aio/workers/codec.hpp> instead, which also brings the
// types known out of the box.
//
// A type of your own is sent without ceremony when it is a plain struct of encodable fields. A class lists
// its fields (<aio/workers/codec_fields.hpp>) or is taken by the `serialize` member that it has for cereal or
// Boost (<aio/workers/codec_serialize.hpp>). For everything else specialise Codec:
//
//     template <>
//     struct aio::Codec<Money> {
//         static void encode(aio::ByteWriter& out, const Money& money) { aio::encode(out, money.cents()); }
//         static Money decode(aio::ByteReader& in) { return Money::of_cents(aio::decode<std::int64_t>(in)); }
//     };
//
// Such a codec must write at least one byte, so that the length of a vector of them can be checked. When the
// layout it writes changes between builds, give it `static constexpr std::uint64_t shape = ...;`, which
// enters `schema_hash`.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include <aio/workers/aggregate_fields.hpp>
#include <aio/workers/byte_reader.hpp>
#include <aio/workers/byte_writer.hpp>

namespace aio {

/// How values of T become bytes and come back. Specialised for the types the codec knows; specialise it for
/// yours.
template <class T>
struct Codec;

namespace detail {

template <class T>
concept HasEncode = requires(ByteWriter& out, const T& value) { Codec<T>::encode(out, value); };

template <class T>
concept HasDecode = requires(ByteReader& in) {
    { Codec<T>::decode(in) } -> std::same_as<T>;
};

/// A codec of ours lists the types it is made of; a user's codec stands for itself, and counts as a level of
/// nesting, because what it calls may come back to it.
template <class T>
concept HasParts = requires { typename Codec<T>::Parts; };

template <class T, class... Open>
inline constexpr bool is_one_of = (std::same_as<T, Open> || ...);

enum class Direction { input, both };

template <Direction D, class T, class... Open>
consteval bool is_encodable();

template <Direction D, class... Parts, class... Open>
consteval bool are_parts_encodable(TypeList<Parts...>, TypeList<Open...>) {
    return (is_encodable<D, Parts, Open...>() && ...);
}

/// `Open` are the types whose parts are being looked at, so that a tree node that holds nodes is decided and
/// not a cycle.
template <Direction D, class T, class... Open>
consteval bool is_encodable() {
    if constexpr (is_one_of<T, Open...>) {
        return true;
    } else if constexpr (!HasEncode<T> || (D == Direction::both && !HasDecode<T>)) {
        return false;
    } else if constexpr (HasParts<T>) {
        return are_parts_encodable<D>(typename Codec<T>::Parts{}, TypeList<Open..., T>{});
    } else {
        return true;
    }
}

template <Direction D, class T>
inline constexpr bool is_encodable_v = is_encodable<D, T>();

/// The fewest bytes an encoding of T has; at least 1.
template <class T>
consteval std::size_t min_encoded_size() {
    if constexpr (requires { Codec<T>::min_size; }) {
        return Codec<T>::min_size;
    } else {
        return 1;
    }
}

} // namespace detail

/// T can be sent to another process and arrives there as an equal value. Also decided for what T contains: a
/// vector of something that is not encodable is not encodable either. Types that only view other memory
/// (string_view, span, pointers, references) are not.
template <class T>
concept Encodable = std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
                    detail::is_encodable_v<detail::Direction::both, T>;

/// T can be written, though perhaps not read back: Encodable types, and string_view and span, which arrive as
/// string and vector.
template <class T>
concept EncodableInput = std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
                         detail::is_encodable_v<detail::Direction::input, T>;

/// Appends `value` to `out`. Throws EncodeError when this value cannot be sent, and std::bad_alloc.
template <class T>
void encode(ByteWriter& out, const T& value) {
    static_assert(
        EncodableInput<T>,
        "this type cannot be encoded: use a plain struct of encodable fields, or specialise aio::Codec");
    if constexpr (detail::HasParts<T>) {
        Codec<T>::encode(out, value);
    } else {
        const ByteWriter::Nesting nesting(out);
        Codec<T>::encode(out, value);
    }
}

/// Takes one T from `in`. Throws DecodeError when the bytes are no encoding of a T. T need not be
/// default-constructible or movable by itself, but must be movable to live in a container.
template <class T>
[[nodiscard]] T decode(ByteReader& in) {
    static_assert(Encodable<T>,
                  "this type cannot be decoded: use a type that owns its data (std::string for string_view, "
                  "std::vector for span), a plain struct of encodable fields, or specialise aio::Codec");
    if constexpr (detail::HasParts<T>) {
        return Codec<T>::decode(in);
    } else {
        const ByteReader::Nesting nesting(in);
        return Codec<T>::decode(in);
    }
}

/// Decodes one T that must take up all of `bytes`, whose shared buffers have come by `link`. Throws
/// DecodeError.
template <class T>
[[nodiscard]] T decode_all(std::span<const std::byte> bytes, detail::BufferLink* link = nullptr) {
    ByteReader in(bytes);
    in.set_buffer_link(link);
    T value = decode<T>(in);
    in.expect_end();
    return value;
}

} // namespace aio
