#pragma once

/// `Value`: a value of an interpreter, of whatever type it turns out to have. It is what `lua("...")` gives
/// unless a type is asked for.
///
///     Value config = co_await loop.run_in_executor(interpreters, lua("read_config"));
///     int port = config["port"].as<int>();
///     for (const Value& name : config["names"].array()) ...

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <aio/executors/interpreters/value_item.hpp>

namespace aio {

/// nil, a boolean, an integer, a float, a string of bytes, or a table. A value of its own: copies are deep.
///
/// A table has an array part, which Lua numbers from 1 and C++ from 0, and fields with keys that are strings
/// or integers. Not thread-safe.
class Value {
public:
    using Type = ValueType;
    using Array = std::vector<Value>;
    using Key = std::variant<std::int64_t, std::string>;
    using Fields = std::map<Key, Value>;

    /// nil.
    Value() noexcept;
    Value(std::nullptr_t) noexcept; // NOLINT: implicit, as the following
    template <std::same_as<bool> B>
    Value(B value) noexcept : data_(value) {}
    /// Throws `ConversionError` for an integer above the range of `std::int64_t`.
    template <detail::PlainInteger T>
    Value(T value) : data_(integer_of(value)) {}
    template <std::floating_point T>
    Value(T value) noexcept : data_(static_cast<double>(value)) {}
    Value(std::string value) noexcept;
    Value(std::string_view value);
    /// Throws `ValueError` for a null pointer.
    Value(const char* value);
    /// Tables.
    Value(Array array);
    Value(Fields fields);
    Value(Array array, Fields fields);

    Value(const Value& other);
    /// Leaves nil behind.
    Value(Value&& other) noexcept;
    Value& operator=(const Value& other);
    Value& operator=(Value&& other) noexcept;
    ~Value();

    /// The value that an interpreter would be given for `value`: any type that can be an argument. Throws
    /// `ConversionError` when this one cannot.
    template <class T>
    [[nodiscard]] static Value of(const T& value);

    [[nodiscard]] Type type() const noexcept;
    [[nodiscard]] bool is_nil() const noexcept { return type() == Type::nil; }
    [[nodiscard]] bool is_bool() const noexcept { return type() == Type::boolean; }
    [[nodiscard]] bool is_integer() const noexcept { return type() == Type::integer; }
    [[nodiscard]] bool is_float() const noexcept { return type() == Type::number; }
    /// An integer or a float.
    [[nodiscard]] bool is_number() const noexcept { return is_integer() || is_float(); }
    [[nodiscard]] bool is_string() const noexcept { return type() == Type::string; }
    [[nodiscard]] bool is_table() const noexcept { return type() == Type::table; }

    /// The value as a `T`: any type that can be a result. Nothing is guessed: a string is no number, only
    /// booleans are bool, and a number must fit. Throws `ConversionError`, which says what is wrong and
    /// where.
    template <class T>
    [[nodiscard]] T as() const;

    /// The bytes of a string. Throws `ConversionError` if this is none.
    [[nodiscard]] const std::string& text() const;
    /// The parts of a table. Throw `ConversionError` if this is none.
    [[nodiscard]] const Array& array() const;
    [[nodiscard]] Array& array();
    [[nodiscard]] const Fields& fields() const;
    [[nodiscard]] Fields& fields();

    /// The field of that name; nil if there is none. Throws `ConversionError` if this is no table.
    template <class Name>
        requires std::convertible_to<const Name&, std::string_view>
    [[nodiscard]] const Value& operator[](const Name& name) const {
        return field(name);
    }
    /// The element of the array part at `index`, counted from 0; nil if it has fewer. Throws
    /// `ConversionError` if this is no table.
    [[nodiscard]] const Value& operator[](std::size_t index) const;

    /// Equal as in Lua, so 1 equals 1.0; but tables are equal when their contents are.
    friend bool operator==(const Value& a, const Value& b) { return a.equals(b); }

private:
    struct Table;
    using Data =
        std::variant<std::monostate, bool, std::int64_t, double, std::string, std::unique_ptr<Table>>;

    template <class T>
    static std::int64_t integer_of(T value) {
        if constexpr (std::is_unsigned_v<T>)
            return detail::checked_integer(value);
        else
            return value;
    }
    [[nodiscard]] const Value& field(std::string_view name) const;
    [[nodiscard]] bool equals(const Value& other) const;
    [[nodiscard]] Table& table() const;
    /// This value, if it is no table; the table itself otherwise, without its contents.
    [[nodiscard]] detail::ValueItem item() const noexcept;

    Data data_;
};

struct Value::Table {
    Array array;
    Fields fields;
};

/// The value as Lua source would write it: `{1, 2.5, "text", name = true, [7] = nil}`.
[[nodiscard]] std::string to_string(const Value& value);
std::ostream& operator<<(std::ostream& out, const Value& value);

} // namespace aio

// The conversions from and to other types complete the class.
#include <aio/executors/interpreters/value_conversion.hpp> // IWYU pragma: export
