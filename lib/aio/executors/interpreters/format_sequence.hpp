#pragma once

/// How sequences and sets cross: as tables with the keys 1, 2, 3...
///
/// Lua's tables have no element that is nil. A sequence of `std::optional` leaves out what is empty, and
/// takes what is missing between two elements as empty on the way back; empty elements at its end are lost.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include <aio/executors/interpreters/format_scalar.hpp>
#include <aio/executors/interpreters/value_format.hpp>

namespace aio::detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

/// Throws the error for a key that a table read as a sequence must not have.
[[noreturn]] void throw_key_in_sequence(const ValueItem& key);

template <class Range, class Element>
void write_sequence(ValueWriter& out, const Range& values, std::size_t size) {
    const ValueWriter::Table table(out, size);
    std::int64_t index = 0;
    for (const auto& value : values) {
        ++index;
        at_key(index, [&] { ValueFormat<Element>::write(out, value); });
    }
}

/// Passes every element to `add`.
template <class Element, class Add>
void read_elements(std::size_t count, ValueReader& in, Add add) {
    for (std::size_t i = 0; i < count; ++i)
        at_key(static_cast<std::int64_t>(i + 1), [&] { add(read_value<Element>(in)); });
}

/// The fields behind the first gap of a sequence with gaps, put to their places by key.
template <class Sequence>
void read_behind_gaps(Sequence& values, std::size_t fields, ValueReader& in) {
    // A gap costs memory that nobody has sent.
    const std::size_t largest = 4 * (values.size() + fields) + 64;
    for (std::size_t i = 0; i < fields; ++i) {
        const ValueItem key = in.next();
        if (key.type != ValueType::integer || key.integer < 1) throw_key_in_sequence(key);
        const auto position = static_cast<std::uint64_t>(key.integer);
        if (position > largest)
            throw ConversionError("the key " + std::to_string(position) +
                                  " is too far from the others for a sequence");
        if (values.size() < position) values.resize(static_cast<std::size_t>(position));
        values[static_cast<std::size_t>(position) - 1] =
            at_key(key, [&] { return read_value<typename Sequence::value_type>(in); });
    }
}

template <class Sequence>
struct SequenceFormat {
    using Element = typename Sequence::value_type;
    using Parts = TypeList<Element>;

    static void write(ValueWriter& out, const Sequence& values) {
        write_sequence<Sequence, Element>(out, values, values.size());
    }
    static Sequence read(const ValueItem& item, ValueReader& in) {
        expect_table(item);
        Sequence values;
        if constexpr (requires { values.reserve(item.elements); }) values.reserve(item.elements);
        read_elements<Element>(item.elements, in,
                               [&](Element&& element) { values.push_back(std::move(element)); });
        if (item.fields != 0) {
            if constexpr (is_optional<Element> && requires { values[0]; })
                read_behind_gaps(values, item.fields, in);
            else
                throw_key_in_sequence(in.next());
        }
        return values;
    }
};
template <class T, class Allocator>
struct ValueFormat<std::vector<T, Allocator>> : SequenceFormat<std::vector<T, Allocator>> {};
template <class T, class Allocator>
struct ValueFormat<std::deque<T, Allocator>> : SequenceFormat<std::deque<T, Allocator>> {};
template <class T, class Allocator>
struct ValueFormat<std::list<T, Allocator>> : SequenceFormat<std::list<T, Allocator>> {};

template <class T, std::size_t Extent>
struct ValueFormat<std::span<T, Extent>> {
    using Element = std::remove_cv_t<T>;
    using Parts = TypeList<Element>;
    static void write(ValueWriter& out, std::span<T, Extent> values) {
        write_sequence<std::span<T, Extent>, Element>(out, values, values.size());
    }
};

/// What comes twice is in the set once.
template <class Set>
struct SetFormat {
    using Element = typename Set::value_type;
    using Parts = TypeList<Element>;

    static void write(ValueWriter& out, const Set& values) {
        write_sequence<Set, Element>(out, values, values.size());
    }
    static Set read(const ValueItem& item, ValueReader& in) {
        expect_table(item);
        Set values;
        read_elements<Element>(item.elements, in,
                               [&](Element&& element) { values.insert(std::move(element)); });
        if (item.fields != 0) throw_key_in_sequence(in.next());
        return values;
    }
};
template <class T, class Compare, class Allocator>
struct ValueFormat<std::set<T, Compare, Allocator>> : SetFormat<std::set<T, Compare, Allocator>> {};
template <class T, class Hash, class Equal, class Allocator>
struct ValueFormat<std::unordered_set<T, Hash, Equal, Allocator>>
    : SetFormat<std::unordered_set<T, Hash, Equal, Allocator>> {};

} // namespace aio::detail
