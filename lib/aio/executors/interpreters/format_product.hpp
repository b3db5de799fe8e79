#pragma once

/// How pairs, tuples, arrays and plain structs cross: as tables with their fields in order, from 1. A field
/// that may be nil may be missing.

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <aio/executors/interpreters/format_sequence.hpp>
#include <aio/executors/interpreters/value_format.hpp>

namespace aio::detail {

/// Throws unless a table of that many elements can be read as `wanted` fields.
void expect_field_count(const ValueItem& item, std::size_t wanted);

/// Where each of `Size` fields of a table begins. Made first, because in a table with gaps they come in any
/// order.
template <std::size_t Size>
class FieldPlaces {
public:
    /// Passes over the table in `in`.
    FieldPlaces(const ValueItem& item, ValueReader& in) {
        expect_table(item);
        expect_field_count(item, Size);
        for (std::size_t i = 0; i < item.elements; ++i) put(i, in);
        for (std::size_t i = 0; i < item.fields; ++i) {
            const ValueItem key = in.next();
            if (key.type != ValueType::integer || key.integer < 1 ||
                static_cast<std::uint64_t>(key.integer) > Size)
                throw_key_in_sequence(key);
            put(static_cast<std::size_t>(key.integer) - 1, in);
        }
    }

    /// Field number `index`, from 0; nil if it is missing.
    template <class T>
    [[nodiscard]] T read(std::size_t index) const {
        return at_key(static_cast<std::int64_t>(index + 1), [&] {
            ValueReader in = places_[index];
            const ValueItem item = present_[index] ? in.next() : ValueItem();
            return ValueFormat<T>::read(item, in);
        });
    }

private:
    void put(std::size_t index, ValueReader& in) {
        places_[index] = in;
        present_[index] = true;
        in.skip();
    }
    // One more, so that it may be empty.
    std::array<ValueReader, Size + 1> places_{};
    std::array<bool, Size + 1> present_{};
};

/// Writes fields one after another.
class FieldWriter {
public:
    explicit FieldWriter(ValueWriter& out) noexcept : out_(out) {}

    template <class... Declared>
    void operator()(const Declared&... fields) const {
        const ValueWriter::Table table(out_, sizeof...(fields));
        std::int64_t index = 0;
        (write(++index, fields), ...);
    }

private:
    template <class T>
    void write(std::int64_t index, const T& field) const {
        at_key(index, [&] { ValueFormat<T>::write(out_, field); });
    }
    ValueWriter& out_;
};

template <class Product, class... Ts>
struct ProductFormat {
    using Parts = TypeList<std::remove_cv_t<Ts>...>;

    static Product read(const ValueItem& item, ValueReader& in) {
        return make(FieldPlaces<sizeof...(Ts)>(item, in), std::index_sequence_for<Ts...>{});
    }

private:
    template <std::size_t... I>
    static Product make([[maybe_unused]] const FieldPlaces<sizeof...(Ts)>& fields,
                        std::index_sequence<I...>) {
        return Product{fields.template read<std::remove_cv_t<Ts>>(I)...};
    }
};

template <class... Ts>
struct ValueFormat<std::tuple<Ts...>> : ProductFormat<std::tuple<Ts...>, Ts...> {
    static void write(ValueWriter& out, const std::tuple<Ts...>& value) {
        std::apply(FieldWriter(out), value);
    }
};
template <class First, class Second>
struct ValueFormat<std::pair<First, Second>> : ProductFormat<std::pair<First, Second>, First, Second> {
    static void write(ValueWriter& out, const std::pair<First, Second>& value) {
        std::apply(FieldWriter(out), std::tie(value.first, value.second));
    }
};

template <class Struct, class Fields>
struct StructFormat;
template <class Struct, class... Fields>
struct StructFormat<Struct, TypeList<Fields...>> : ProductFormat<Struct, Fields...> {};

/// Plain structs: no constructors, bases, private fields, C arrays, bit-fields or references; at most 32
/// fields.
template <FieldwiseAggregate T>
    requires(!HasValueCodec<T>)
struct ValueFormat<T> : StructFormat<T, FieldTypes<T>> {
    static void write(ValueWriter& out, const T& value) { visit_fields(value, FieldWriter(out)); }
};

template <class T, std::size_t Size>
struct ValueFormat<std::array<T, Size>> {
    using Array = std::array<T, Size>;
    using Parts = TypeList<T>;
    static void write(ValueWriter& out, const Array& values) { write_sequence<Array, T>(out, values, Size); }
    static Array read(const ValueItem& item, ValueReader& in) {
        return make(FieldPlaces<Size>(item, in), std::make_index_sequence<Size>{});
    }

private:
    template <std::size_t... I>
    static Array make([[maybe_unused]] const FieldPlaces<Size>& elements, std::index_sequence<I...>) {
        return Array{elements.template read<T>(I)...};
    }
};

} // namespace aio::detail
