#pragma once
// Codecs of sequences: string, vector, deque, list, array; string_view and span for writing only. A sequence
// is its length and its elements; elements that are plain scalars and lie side by side are copied as one
// block.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/workers/codec_scalar.hpp>

namespace aio {

namespace detail {

template <class T>
void encode_block(ByteWriter& out, const T* data, std::size_t count) {
    out.append_count(count);
    out.append(data, count * sizeof(T));
}

template <class Range>
void encode_elements(ByteWriter& out, const Range& range) {
    out.append_count(range.size());
    const ByteWriter::Nesting nesting(out);
    for (const auto& element : range) {
        aio::encode(out, element);
    }
}

/// Room for `count` elements, but never for more memory than there is input left: a short message must not
/// claim much.
template <class Sequence>
void reserve_for_input(Sequence& sequence, std::size_t count, const ByteReader& in) {
    sequence.reserve(std::min(count, in.remaining() / sizeof(typename Sequence::value_type)));
}

template <class Sequence>
Sequence decode_elements(ByteReader& in) {
    using Element = typename Sequence::value_type;
    const std::size_t count = in.read_count(min_encoded_size<Element>());
    const ByteReader::Nesting nesting(in);
    Sequence result;
    if constexpr (requires { result.reserve(count); }) {
        reserve_for_input(result, count, in);
    }
    for (std::size_t i = 0; i < count; ++i) {
        result.push_back(aio::decode<Element>(in));
    }
    return result;
}

template <class Sequence>
Sequence decode_block(ByteReader& in) {
    using Element = typename Sequence::value_type;
    const std::size_t count = in.read_count(sizeof(Element));
    Sequence result(count, Element{});
    in.read_to(result.data(), count * sizeof(Element));
    return result;
}

template <class T>
struct SequenceShape {
    using Parts = TypeList<T>;
    static constexpr std::size_t min_size = sizeof(std::uint32_t);
    static constexpr std::uint64_t shape = hash_text("sequence");
};

} // namespace detail

template <class Char, class Traits, class Allocator>
struct Codec<std::basic_string<Char, Traits, Allocator>> : detail::SequenceShape<Char> {
    using String = std::basic_string<Char, Traits, Allocator>;
    static void encode(ByteWriter& out, const String& text) {
        detail::encode_block(out, text.data(), text.size());
    }
    static String decode(ByteReader& in) { return detail::decode_block<String>(in); }
};

/// For writing only; arrives as std::string.
template <class Char, class Traits>
struct Codec<std::basic_string_view<Char, Traits>> : detail::SequenceShape<Char> {
    static void encode(ByteWriter& out, std::basic_string_view<Char, Traits> text) {
        detail::encode_block(out, text.data(), text.size());
    }
};

template <class T, class Allocator>
struct Codec<std::vector<T, Allocator>> : detail::SequenceShape<T> {
    using Vector = std::vector<T, Allocator>;

    static void encode(ByteWriter& out, const Vector& values) {
        if constexpr (detail::RawScalar<T>) {
            detail::encode_block(out, values.data(), values.size());
        } else if constexpr (std::is_same_v<T, bool>) {
            out.append_count(values.size());
            for (const bool value : values) {
                aio::encode(out, value);
            }
        } else {
            detail::encode_elements(out, values);
        }
    }

    static Vector decode(ByteReader& in) {
        if constexpr (detail::RawScalar<T>) {
            return detail::decode_block<Vector>(in);
        } else {
            return detail::decode_elements<Vector>(in);
        }
    }
};

/// For writing only; arrives as std::vector.
template <class T, std::size_t Extent>
struct Codec<std::span<T, Extent>> : detail::SequenceShape<std::remove_const_t<T>> {
    static void encode(ByteWriter& out, std::span<T, Extent> values) {
        if constexpr (detail::RawScalar<std::remove_const_t<T>>) {
            detail::encode_block(out, values.data(), values.size());
        } else {
            detail::encode_elements(out, values);
        }
    }
};

template <class T, class Allocator>
struct Codec<std::deque<T, Allocator>> : detail::SequenceShape<T> {
    static void encode(ByteWriter& out, const std::deque<T, Allocator>& values) {
        detail::encode_elements(out, values);
    }
    static std::deque<T, Allocator> decode(ByteReader& in) {
        return detail::decode_elements<std::deque<T, Allocator>>(in);
    }
};

template <class T, class Allocator>
struct Codec<std::list<T, Allocator>> : detail::SequenceShape<T> {
    static void encode(ByteWriter& out, const std::list<T, Allocator>& values) {
        detail::encode_elements(out, values);
    }
    static std::list<T, Allocator> decode(ByteReader& in) {
        return detail::decode_elements<std::list<T, Allocator>>(in);
    }
};

/// No length is sent: it is part of the type.
template <class T, std::size_t N>
struct Codec<std::array<T, N>> {
    using Parts = detail::TypeList<T>;
    static constexpr std::size_t min_size = N == 0 ? 1 : N * detail::min_encoded_size<T>();
    static constexpr std::uint64_t shape = detail::hash_number(N, detail::hash_text("array"));

    static void encode(ByteWriter& out, const std::array<T, N>& values) {
        if constexpr (N == 0) {
            aio::encode(out, nullptr);
        } else if constexpr (detail::RawScalar<T>) {
            out.append(values.data(), sizeof values);
        } else {
            for (const auto& value : values) {
                aio::encode(out, value);
            }
        }
    }

    static std::array<T, N> decode(ByteReader& in) {
        if constexpr (N == 0) {
            static_cast<void>(aio::decode<std::nullptr_t>(in));
            return {};
        } else if constexpr (detail::RawScalar<T>) {
            std::array<T, N> values{};
            in.read_to(values.data(), sizeof values);
            return values;
        } else if constexpr (std::is_default_constructible_v<T> && std::is_move_assignable_v<T>) {
            std::array<T, N> values{};
            for (T& value : values) {
                value = aio::decode<T>(in);
            }
            return values;
        } else {
            return decode_each(in, std::make_index_sequence<N>{});
        }
    }

private:
    template <std::size_t... I>
    static std::array<T, N> decode_each(ByteReader& in, std::index_sequence<I...>) {
        return {(static_cast<void>(I), aio::decode<T>(in))...};
    }
};

} // namespace aio
