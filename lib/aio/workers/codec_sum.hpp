#pragma once
// Codecs of values that are one of several things or nothing: optional, unique_ptr and shared_ptr, variant. A
// tag says which, and a tag that does not exist is an error.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include <aio/workers/codec_scalar.hpp>

namespace aio {

template <class T>
struct Codec<std::optional<T>> {
    using Parts = detail::TypeList<T>;
    static constexpr std::size_t min_size = 1;
    static constexpr std::uint64_t shape = detail::hash_text("optional");

    static void encode(ByteWriter& out, const std::optional<T>& value) {
        aio::encode(out, value.has_value());
        if (value) {
            aio::encode(out, *value);
        }
    }
    static std::optional<T> decode(ByteReader& in) {
        if (!in.read_flag("presence of an optional")) {
            return std::nullopt;
        }
        return std::optional<T>(std::in_place, aio::decode<T>(in));
    }
};

namespace detail {

/// A pointer that owns: whether it points to anything, and to what.
template <class Pointer, class T>
struct OwnerCodec {
    using Parts = TypeList<std::remove_const_t<T>>;
    static constexpr std::size_t min_size = 1;
    static constexpr std::uint64_t shape = hash_text("optional");

    static void encode(ByteWriter& out, const Pointer& value) {
        aio::encode(out, value != nullptr);
        if (value) {
            const ByteWriter::Nesting nesting(out);
            aio::encode(out, *value);
        }
    }
    static Pointer decode(ByteReader& in) {
        if (!in.read_flag("presence of a pointee")) {
            return nullptr;
        }
        const ByteReader::Nesting nesting(in);
        return Pointer(std::make_unique<T>(aio::decode<std::remove_const_t<T>>(in)));
    }
};

} // namespace detail

/// The object pointed to, or null. For a class with virtual functions that means the static type: give such a
/// class a codec of its own.
template <class T>
struct Codec<std::unique_ptr<T>> : detail::OwnerCodec<std::unique_ptr<T>, T> {};

/// As unique_ptr. What is shared here is not shared there: each pointer arrives with an object of its own, so
/// a cycle is an EncodeError.
template <class T>
struct Codec<std::shared_ptr<T>> : detail::OwnerCodec<std::shared_ptr<T>, T> {};

template <class... Ts>
struct Codec<std::variant<Ts...>> {
    static_assert(sizeof...(Ts) <= 255, "a variant of more than 255 alternatives cannot be encoded");
    using Parts = detail::TypeList<Ts...>;
    using Variant = std::variant<Ts...>;
    static constexpr std::size_t min_size = 1;
    static constexpr std::uint64_t shape = detail::hash_text("variant");

    static void encode(ByteWriter& out, const Variant& value) {
        if (value.valueless_by_exception()) {
            throw EncodeError("cannot encode a variant that is valueless by exception");
        }
        out.append_scalar(static_cast<std::uint8_t>(value.index()));
        std::visit([&out](const auto& alternative) { aio::encode(out, alternative); }, value);
    }
    static Variant decode(ByteReader& in) {
        return decode_alternative<0>(in, in.read_scalar<std::uint8_t>());
    }

private:
    template <std::size_t I>
    static Variant decode_alternative(ByteReader& in, std::size_t index) {
        if constexpr (I == sizeof...(Ts)) {
            throw DecodeError("variant alternative " + std::to_string(index) + " of " + std::to_string(I));
        } else {
            if (index == I) {
                return Variant(std::in_place_index<I>,
                               aio::decode<std::variant_alternative_t<I, Variant>>(in));
            }
            return decode_alternative<I + 1>(in, index);
        }
    }
};

} // namespace aio
