#pragma once

/// How single values cross: nothing, booleans, numbers, enumerations, durations.

#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include <aio/executors/interpreters/value_format.hpp>
#include <aio/executors/interpreters/value_item.hpp>

namespace aio::detail {

/// `integer` as a T, or the error that names both.
template <PlainInteger T>
T narrowed(std::int64_t integer) {
    if (std::in_range<T>(integer)) return static_cast<T>(integer);
    ValueItem item;
    item.type = ValueType::integer;
    item.integer = integer;
    throw_out_of_range(item, typeid(T));
}

template <>
struct ValueFormat<bool> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, bool value) { out.boolean(value); }
    static bool read(const ValueItem& item, ValueReader&) { return to_boolean(item); }
};

template <PlainInteger T>
struct ValueFormat<T> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, T value) {
        if constexpr (std::is_unsigned_v<T>)
            out.integer(checked_integer(value));
        else
            out.integer(value);
    }
    static T read(const ValueItem& item, ValueReader&) { return narrowed<T>(to_integer(item)); }
};

template <std::floating_point T>
struct ValueFormat<T> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, T value) { out.number(static_cast<double>(value)); }
    static T read(const ValueItem& item, ValueReader&) {
        const double number = to_number(item);
        if constexpr (sizeof(T) < sizeof(double)) {
            constexpr auto largest = static_cast<double>(std::numeric_limits<T>::max());
            if (std::isfinite(number) && std::abs(number) > largest) throw_out_of_range(item, typeid(T));
        }
        return static_cast<T>(number);
    }
};

/// By number; a number of the underlying type that has no name is passed on.
template <class T>
    requires std::is_enum_v<T> && (!HasValueCodec<T>)
struct ValueFormat<T> {
    using Number = std::underlying_type_t<T>;
    using Parts = TypeList<>;
    static void write(ValueWriter& out, T value) { out.integer(static_cast<std::int64_t>(value)); }
    static T read(const ValueItem& item, ValueReader&) {
        const std::int64_t number = to_integer(item);
        if constexpr (std::same_as<Number, bool>) {
            if (number != 0 && number != 1) throw_out_of_range(item, typeid(T));
        } else if constexpr (PlainInteger<Number>) {
            if (!std::in_range<Number>(number)) throw_out_of_range(item, typeid(T));
        }
        return static_cast<T>(number);
    }
};

/// Seconds, with a fraction. Durations with an integer representation are rounded to the nearest tick.
template <class Rep, class Period>
struct ValueFormat<std::chrono::duration<Rep, Period>> {
    using Duration = std::chrono::duration<Rep, Period>;
    using Parts = TypeList<>;
    static void write(ValueWriter& out, const Duration& value) {
        out.number(std::chrono::duration_cast<std::chrono::duration<double>>(value).count());
    }
    static Duration read(const ValueItem& item, ValueReader&) {
        const std::chrono::duration<double, Period> ticks = std::chrono::duration<double>(to_number(item));
        if constexpr (std::floating_point<Rep>) {
            return Duration(static_cast<Rep>(ticks.count()));
        } else {
            const double rounded = std::nearbyint(ticks.count());
            // Above the largest Rep: it is one less than a power of two, which a double need not have.
            const double limit = std::ldexp(1.0, std::numeric_limits<Rep>::digits);
            if (!(rounded >= static_cast<double>(std::numeric_limits<Rep>::min()) && rounded < limit))
                throw_out_of_range(item, typeid(Duration));
            return Duration(static_cast<Rep>(rounded));
        }
    }
};

template <>
struct ValueFormat<std::nullptr_t> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, std::nullptr_t) { out.nil(); }
    static std::nullptr_t read(const ValueItem& item, ValueReader&) {
        if (item.type != ValueType::nil) throw_unexpected("nil", item);
        return nullptr;
    }
};
template <>
struct ValueFormat<std::monostate> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, std::monostate) { out.nil(); }
    static std::monostate read(const ValueItem& item, ValueReader&) {
        if (item.type != ValueType::nil) throw_unexpected("nil", item);
        return {};
    }
};
template <>
struct ValueFormat<std::nullopt_t> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, std::nullopt_t) { out.nil(); }
};

} // namespace aio::detail
