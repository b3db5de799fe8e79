#pragma once

/// One value on its way between C++ and an interpreter, without the contents of a table; and the conversions
/// of single values.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <typeinfo>

namespace aio {

/// What a dynamic value is. Lua's numbers are integers (64 bits) or floats (double).
enum class ValueType : std::uint8_t { nil, boolean, integer, number, string, table };

/// "nil", "boolean", "integer", "float", "string", "table".
[[nodiscard]] const char* to_string(ValueType type) noexcept;

namespace detail {

/// The types that are numbers and nothing else: not bool, and no characters.
template <class T>
concept PlainInteger = std::integral<T> && sizeof(T) <= sizeof(std::int64_t) && !std::same_as<T, bool> &&
                       !std::same_as<T, char> && !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                       !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// `value` as an integer of Lua. Throws `ConversionError` when it is too large for one.
[[nodiscard]] std::int64_t checked_integer(std::uint64_t value);

/// The member that belongs to `type` is set. `text` is a view of memory that somebody else owns. Trivially
/// destructible, because it lives in frames that Lua may leave by `longjmp`.
struct ValueItem {
    ValueType type = ValueType::nil;
    bool boolean = false;
    std::int64_t integer = 0;
    double number = 0;
    std::string_view text;
    /// Of a table: how many values of its array part follow, then how many pairs of key and value.
    std::size_t elements = 0;
    std::size_t fields = 0;
};

/// "the integer 300", "the string 'abc'", "a table", "nil".
[[nodiscard]] std::string describe(const ValueItem& item);

/// Throws `ConversionError`: "expected `wanted`, got ...".
[[noreturn]] void throw_unexpected(const char* wanted, const ValueItem& got);
/// Throws `ConversionError`: the number does not fit the type.
[[noreturn]] void throw_out_of_range(const ValueItem& got, const std::type_info& type);

/// An integer, or a float with an integral value, as in Lua. Throws `ConversionError` for anything else.
[[nodiscard]] std::int64_t to_integer(const ValueItem& item);
/// Any number. Throws `ConversionError` for anything else.
[[nodiscard]] double to_number(const ValueItem& item);
/// A boolean: nothing else counts as true or false. Throws `ConversionError`.
[[nodiscard]] bool to_boolean(const ValueItem& item);
/// The bytes of a string: numbers are not converted. Throws `ConversionError`.
[[nodiscard]] std::string_view to_text(const ValueItem& item);
/// Throws `ConversionError` unless it is a table.
void expect_table(const ValueItem& item);

/// The step from a table to one of its values, for `ConversionError::within`: "[2]" or ".name".
[[nodiscard]] std::string step_to(std::int64_t key);
[[nodiscard]] std::string step_to(std::string_view key);
[[nodiscard]] std::string step_to(const ValueItem& key);

/// A number in digits that Lua reads back as the same number: "0.5", "2.0", "1e+100", "-inf".
[[nodiscard]] std::string number_text(double number);

} // namespace detail
} // namespace aio
