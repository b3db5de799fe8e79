#pragma once
// Codecs of set, map and their unordered and multiple kin: the number of elements, then each. A key that
// comes twice where it may not is an error, so what is decoded always has the number of elements that was
// announced.

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <aio/workers/codec_scalar.hpp>

namespace aio {

namespace detail {

template <class Set, class Key>
struct SetCodec {
    using Parts = TypeList<Key>;
    static constexpr std::size_t min_size = sizeof(std::uint32_t);
    static constexpr std::uint64_t shape = hash_text("set");

    static void encode(ByteWriter& out, const Set& values) {
        out.append_count(values.size());
        const ByteWriter::Nesting nesting(out);
        for (const auto& value : values) {
            aio::encode(out, value);
        }
    }

    static Set decode(ByteReader& in) {
        const std::size_t count = in.read_count(min_encoded_size<Key>());
        const ByteReader::Nesting nesting(in);
        Set result;
        for (std::size_t i = 0; i < count; ++i) {
            static_cast<void>(result.insert(aio::decode<Key>(in)));
            if (result.size() != i + 1) {
                throw DecodeError("a set contains the same key twice");
            }
        }
        return result;
    }
};

template <class Map, class Key, class Value>
struct MapCodec {
    using Parts = TypeList<Key, Value>;
    static constexpr std::size_t min_size = sizeof(std::uint32_t);
    static constexpr std::uint64_t shape = hash_text("map");

    static void encode(ByteWriter& out, const Map& values) {
        out.append_count(values.size());
        const ByteWriter::Nesting nesting(out);
        for (const auto& [key, value] : values) {
            aio::encode(out, key);
            aio::encode(out, value);
        }
    }

    static Map decode(ByteReader& in) {
        const std::size_t count = in.read_count(min_encoded_size<Key>() + min_encoded_size<Value>());
        const ByteReader::Nesting nesting(in);
        Map result;
        for (std::size_t i = 0; i < count; ++i) {
            Key key = aio::decode<Key>(in);
            static_cast<void>(result.emplace(std::move(key), aio::decode<Value>(in)));
            if (result.size() != i + 1) {
                throw DecodeError("a map contains the same key twice");
            }
        }
        return result;
    }
};

} // namespace detail

template <class Key, class Compare, class Allocator>
struct Codec<std::set<Key, Compare, Allocator>> : detail::SetCodec<std::set<Key, Compare, Allocator>, Key> {};

template <class Key, class Hash, class Equal, class Allocator>
struct Codec<std::unordered_set<Key, Hash, Equal, Allocator>>
    : detail::SetCodec<std::unordered_set<Key, Hash, Equal, Allocator>, Key> {};

template <class Key, class Compare, class Allocator>
struct Codec<std::multiset<Key, Compare, Allocator>>
    : detail::SetCodec<std::multiset<Key, Compare, Allocator>, Key> {};

template <class Key, class Hash, class Equal, class Allocator>
struct Codec<std::unordered_multiset<Key, Hash, Equal, Allocator>>
    : detail::SetCodec<std::unordered_multiset<Key, Hash, Equal, Allocator>, Key> {};

template <class Key, class Value, class Compare, class Allocator>
struct Codec<std::map<Key, Value, Compare, Allocator>>
    : detail::MapCodec<std::map<Key, Value, Compare, Allocator>, Key, Value> {};

template <class Key, class Value, class Hash, class Equal, class Allocator>
struct Codec<std::unordered_map<Key, Value, Hash, Equal, Allocator>>
    : detail::MapCodec<std::unordered_map<Key, Value, Hash, Equal, Allocator>, Key, Value> {};

template <class Key, class Value, class Compare, class Allocator>
struct Codec<std::multimap<Key, Value, Compare, Allocator>>
    : detail::MapCodec<std::multimap<Key, Value, Compare, Allocator>, Key, Value> {};

template <class Key, class Value, class Hash, class Equal, class Allocator>
struct Codec<std::unordered_multimap<Key, Value, Hash, Equal, Allocator>>
    : detail::MapCodec<std::unordered_multimap<Key, Value, Hash, Equal, Allocator>, Key, Value> {};

} // namespace aio
