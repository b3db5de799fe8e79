#pragma once

/// The conversions between `Value` and other types, with all types that are known out of the box.

#include <aio/executors/interpreters/format_choice.hpp>
#include <aio/executors/interpreters/format_map.hpp>
#include <aio/executors/interpreters/format_product.hpp>
#include <aio/executors/interpreters/format_scalar.hpp>
#include <aio/executors/interpreters/format_sequence.hpp>
#include <aio/executors/interpreters/format_text.hpp>
#include <aio/executors/interpreters/value.hpp>

namespace aio {

template <class T>
Value Value::of(const T& value) {
    using Input = std::decay_t<const T&>;
    static_assert(
        ValueInput<Input>,
        "this type has no value in an interpreter: use numbers, strings, standard containers and plain "
        "structs of them, or specialise aio::ValueCodec for it");
    detail::ValueWriter out;
    detail::ValueFormat<Input>::write(out, value);
    detail::ValueReader in(out.bytes());
    return detail::read_value<Value>(in);
}

template <class T>
T Value::as() const {
    static_assert(
        ValueOutput<T>,
        "a value cannot become this type: use a type that owns its data (std::string for string_view), "
        "a plain struct of such types, or specialise aio::ValueCodec for it");
    if (!is_table()) {
        detail::ValueReader nothing;
        return detail::ValueFormat<T>::read(item(), nothing);
    }
    detail::ValueWriter out;
    detail::write_value(out, *this);
    detail::ValueReader in(out.bytes());
    return detail::read_value<T>(in);
}

} // namespace aio
