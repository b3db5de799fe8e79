#pragma once

/// How values cross that are one of several things: optional, variant, and `Value`.

#include <optional>
#include <utility>
#include <variant>

#include <aio/executors/interpreters/value.hpp>
#include <aio/executors/interpreters/value_format.hpp>

namespace aio::detail {

template <class T>
struct ValueFormat<std::optional<T>> {
    using Parts = TypeList<T>;
    static void write(ValueWriter& out, const std::optional<T>& value) {
        if (value)
            ValueFormat<T>::write(out, *value);
        else
            out.nil();
    }
    static std::optional<T> read(const ValueItem& item, ValueReader& in) {
        if (item.type == ValueType::nil) return std::nullopt;
        return std::optional<T>(ValueFormat<T>::read(item, in));
    }
};

/// Only as an argument: a value does not tell which of two alternatives it was.
template <class... Ts>
struct ValueFormat<std::variant<Ts...>> {
    using Parts = TypeList<Ts...>;
    static void write(ValueWriter& out, const std::variant<Ts...>& value) {
        if (value.valueless_by_exception())
            throw ConversionError("a variant that is valueless by exception has no value");
        std::visit([&out](const auto& alternative) { write_value(out, alternative); }, value);
    }
};

template <>
struct ValueFormat<Value> {
    using Parts = TypeList<>;
    static void write(ValueWriter& out, const Value& value);
    static Value read(const ValueItem& item, ValueReader& in);
};

} // namespace aio::detail
