#include <aio/executors/interpreters/value_item.hpp>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <aio/core/type_name.hpp>
#include <aio/executors/interpreters/conversion_error.hpp>

namespace aio {

const char* to_string(ValueType type) noexcept {
    switch (type) {
    case ValueType::nil: return "nil";
    case ValueType::boolean: return "boolean";
    case ValueType::integer: return "integer";
    case ValueType::number: return "float";
    case ValueType::string: return "string";
    case ValueType::table: return "table";
    }
    return "unknown";
}

namespace detail {
namespace {

constexpr double two_to_63 = 9223372036854775808.0;

std::string quoted_start(std::string_view text) {
    constexpr std::size_t longest = 40;
    if (text.size() <= longest) return "'" + std::string(text) + "'";
    return "'" + std::string(text.substr(0, longest)) + "...'";
}

} // namespace

std::string number_text(double number) {
    if (std::isnan(number)) return "nan";
    if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
    std::array<char, 40> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    std::string text(digits.data(), end);
    if (text.find_first_of(".e") == std::string::npos) text += ".0";
    return text;
}

std::string describe(const ValueItem& item) {
    switch (item.type) {
    case ValueType::boolean: return item.boolean ? "the boolean true" : "the boolean false";
    case ValueType::integer: return "the integer " + std::to_string(item.integer);
    case ValueType::number: return "the number " + number_text(item.number);
    case ValueType::string: return "the string " + quoted_start(item.text);
    case ValueType::table: return "a table";
    case ValueType::nil: break;
    }
    return "nil";
}

void throw_unexpected(const char* wanted, const ValueItem& got) {
    throw ConversionError("expected " + std::string(wanted) + ", got " + describe(got));
}

void throw_out_of_range(const ValueItem& got, const std::type_info& type) {
    throw ConversionError(describe(got) + " does not fit the type '" + type_name(type) + "'");
}

std::int64_t checked_integer(std::uint64_t value) {
    constexpr auto largest = std::numeric_limits<std::int64_t>::max();
    if (value > static_cast<std::uint64_t>(largest))
        throw ConversionError("the integer " + std::to_string(value) +
                              " does not fit an integer of Lua, which is at most " + std::to_string(largest));
    return static_cast<std::int64_t>(value);
}

std::int64_t to_integer(const ValueItem& item) {
    if (item.type == ValueType::integer) return item.integer;
    const double number = item.number;
    if (item.type == ValueType::number && number >= -two_to_63 && number < two_to_63 &&
        std::floor(number) == number)
        return static_cast<std::int64_t>(number);
    throw_unexpected("an integer", item);
}

double to_number(const ValueItem& item) {
    if (item.type == ValueType::number) return item.number;
    if (item.type == ValueType::integer) return static_cast<double>(item.integer);
    throw_unexpected("a number", item);
}

bool to_boolean(const ValueItem& item) {
    if (item.type != ValueType::boolean) throw_unexpected("a boolean", item);
    return item.boolean;
}

std::string_view to_text(const ValueItem& item) {
    if (item.type != ValueType::string) throw_unexpected("a string", item);
    return item.text;
}

void expect_table(const ValueItem& item) {
    if (item.type != ValueType::table) throw_unexpected("a table", item);
}

std::string step_to(std::int64_t key) { return "[" + std::to_string(key) + "]"; }

std::string step_to(std::string_view key) { return "." + std::string(key); }

std::string step_to(const ValueItem& key) {
    return key.type == ValueType::string ? step_to(key.text) : step_to(key.integer);
}

} // namespace detail
} // namespace aio
