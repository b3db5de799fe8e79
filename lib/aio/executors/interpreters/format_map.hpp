#pragma once

/// How maps cross: as tables, with keys that are strings or integers.

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include <aio/executors/interpreters/format_scalar.hpp>
#include <aio/executors/interpreters/value_format.hpp>

namespace aio::detail {

template <class K>
concept IntegerKey = PlainInteger<K> || (std::is_enum_v<K> && !HasValueCodec<K>);

template <class K>
concept ValueKey = std::same_as<K, std::string> || IntegerKey<K>;

template <class Map>
struct MapFormat {
    using Key = typename Map::key_type;
    using Mapped = typename Map::mapped_type;
    using Parts = TypeList<Key, Mapped>;

    static void write(ValueWriter& out, const Map& values) {
        const ValueWriter::Table table(out, 0, values.size());
        for (const auto& [key, value] : values) {
            ValueFormat<Key>::write(out, key);
            try {
                ValueFormat<Mapped>::write(out, value);
            } catch (const ConversionError& error) {
                throw error.within(step(key));
            }
        }
    }

    static Map read(const ValueItem& item, ValueReader& in) {
        expect_table(item);
        Map values;
        for (std::size_t i = 1; i <= item.elements; ++i) {
            ValueItem key;
            key.type = ValueType::integer;
            key.integer = static_cast<std::int64_t>(i);
            read_one(values, key, in);
        }
        for (std::size_t i = 0; i < item.fields; ++i) read_one(values, in.next(), in);
        return values;
    }

private:
    static std::string step(const Key& key) {
        if constexpr (IntegerKey<Key>)
            return step_to(static_cast<std::int64_t>(key));
        else
            return step_to(key);
    }
    static void read_one(Map& values, const ValueItem& item, ValueReader& in) {
        at_key(item, [&] {
            Key key = ValueFormat<Key>::read(item, in);
            values.insert_or_assign(std::move(key), read_value<Mapped>(in));
        });
    }
};

template <ValueKey Key, class T, class Compare, class Allocator>
struct ValueFormat<std::map<Key, T, Compare, Allocator>> : MapFormat<std::map<Key, T, Compare, Allocator>> {};
template <ValueKey Key, class T, class Hash, class Equal, class Allocator>
struct ValueFormat<std::unordered_map<Key, T, Hash, Equal, Allocator>>
    : MapFormat<std::unordered_map<Key, T, Hash, Equal, Allocator>> {};

} // namespace aio::detail
