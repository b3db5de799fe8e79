#pragma once

/// Which types can be arguments and results of an interpreter's functions, and what they are there.
///
/// | C++ | Lua |
/// |---|---|
/// | `bool` | boolean |
/// | integers, enumerations | integer; the range is checked on the way back |
/// | floating point | float |
/// | `std::string`, views and literals, `char`, `std::filesystem::path`, sequences of `std::byte` | string |
/// | `std::optional`; `nullptr`, `std::monostate` | the value or nil; nil |
/// | `vector`, `deque`, `list`, `array`, `span`, `set`, `unordered_set` | table, from 1 |
/// | `pair`, `tuple`, plain structs | table, with the fields in their order from 1 |
/// | `map`, `unordered_map` with keys that are strings, integers or enumerations | table |
/// | `std::chrono::duration` | number of seconds |
/// | `std::variant`, as an argument only | its alternative |
/// | `aio::Value` | itself |
///
/// Tables may be nested 200 deep, and a result may have 16 million values; for more, return strings.
///
/// Views (`string_view`, `span`, `const char*`) can be arguments, which are copied, but no results. For a
/// type of your own that is none of these, name another type that stands for it, by specialising
/// `ValueCodec`:
///
///     template <>
///     struct aio::ValueCodec<Money> {
///         static std::int64_t to_value(const Money& money) { return money.cents(); }
///         static Money from_value(std::int64_t cents) { return Money::of_cents(cents); }
///     };

#include <concepts>
#include <type_traits>
#include <utility>

#include <aio/executors/interpreters/conversion_error.hpp>
#include <aio/executors/interpreters/value_item.hpp>
#include <aio/executors/interpreters/value_reader.hpp>
#include <aio/executors/interpreters/value_writer.hpp>
#include <aio/workers/aggregate_fields.hpp>

namespace aio {

/// How a type of a program enters and leaves interpreters: `to_value` gives what stands for it, of any type
/// that can be an argument; `from_value` takes it back, and may be left out where results of this type are
/// not needed. Both may throw. May be specialised for plain structs and enumerations too.
template <class T>
struct ValueCodec;

namespace detail {

template <class T>
concept HasValueCodec = requires(const T& value) { ValueCodec<T>::to_value(value); };

/// How a `T` is written and read. `write(writer, value)` writes exactly one value; `read(item, reader)` makes
/// a T of the value `item`, whose contents, if it is a table, come next from the reader: it must take them
/// all, or throw. `Parts` are the types it is made of.
template <class T>
struct ValueFormat;

enum class ValueDirection { input, output };

template <class T>
concept HasValueWrite = requires(ValueWriter& out, const T& value) { ValueFormat<T>::write(out, value); };

template <class T>
concept HasValueRead = requires(const ValueItem& item, ValueReader& in) {
    { ValueFormat<T>::read(item, in) } -> std::same_as<T>;
};

template <ValueDirection D, class T>
concept HasValueFormat = requires { typename ValueFormat<T>::Parts; } &&
                         (D == ValueDirection::input ? HasValueWrite<T> : HasValueRead<T>);

template <ValueDirection D, class T, class... Open>
consteval bool can_cross();

template <ValueDirection D, class... Parts, class... Open>
consteval bool can_all_cross(TypeList<Parts...>, TypeList<Open...>) {
    return (can_cross<D, Parts, Open...>() && ...);
}

/// `Open` are the types whose parts are being looked at, so that a tree node that holds nodes is decided and
/// not a cycle.
template <ValueDirection D, class T, class... Open>
consteval bool can_cross() {
    if constexpr ((std::same_as<T, Open> || ...))
        return true;
    else if constexpr (!HasValueFormat<D, T>)
        return false;
    else
        return can_all_cross<D>(typename ValueFormat<T>::Parts{}, TypeList<Open..., T>{});
}

template <ValueDirection D, class T>
inline constexpr bool can_cross_v = can_cross<D, T>();

} // namespace detail

/// A value of this type can be given to an interpreter.
template <class T>
concept ValueInput = std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
                     detail::can_cross_v<detail::ValueDirection::input, T>;

/// A value of this type can come back from an interpreter.
template <class T>
concept ValueOutput = std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>> &&
                      detail::can_cross_v<detail::ValueDirection::output, T>;

namespace detail {

template <class T>
void write_value(ValueWriter& out, const T& value) {
    ValueFormat<T>::write(out, value);
}

template <class T>
[[nodiscard]] T read_value(ValueReader& in) {
    const ValueItem item = in.next();
    return ValueFormat<T>::read(item, in);
}

/// Does `function()`, which converts the value at `key` of a table; its error tells so.
template <class Key, class F>
decltype(auto) at_key(const Key& key, F&& function) {
    try {
        return function();
    } catch (const ConversionError& error) {
        throw error.within(step_to(key));
    }
}

/// What stands for it, according to a program's `ValueCodec`.
template <HasValueCodec T>
struct ValueFormat<T> {
    using Written = std::decay_t<decltype(ValueCodec<T>::to_value(std::declval<const T&>()))>;
    using Parts = TypeList<Written>;

    static void write(ValueWriter& out, const T& value) {
        const auto& written = ValueCodec<T>::to_value(value);
        ValueFormat<Written>::write(out, written);
    }
    static T read(const ValueItem& item, ValueReader& in)
        requires requires(Written written) {
            { ValueCodec<T>::from_value(std::move(written)) } -> std::same_as<T>;
        }
    {
        return ValueCodec<T>::from_value(ValueFormat<Written>::read(item, in));
    }
};

} // namespace detail
} // namespace aio
