#include <aio/executors/interpreters/value.hpp>

#include <ostream>

#include <aio/core/errors.hpp>

namespace aio {

namespace {

std::string required_text(const char* text) {
    if (text == nullptr) throw ValueError("a null pointer to characters is no string");
    return text;
}

const Value& nil_value() noexcept {
    static const Value nil;
    return nil;
}

} // namespace

Value::Value() noexcept = default;
Value::Value(std::nullptr_t) noexcept {}
Value::Value(std::string value) noexcept : data_(std::move(value)) {}
Value::Value(std::string_view value) : data_(std::string(value)) {}
Value::Value(const char* value) : data_(required_text(value)) {}
Value::Value(Array array) : Value(std::move(array), Fields()) {}
Value::Value(Fields fields) : Value(Array(), std::move(fields)) {}
Value::Value(Array array, Fields fields)
    : data_(std::make_unique<Table>(std::move(array), std::move(fields))) {}

Value::Value(const Value& other) {
    if (other.is_table())
        data_ = std::make_unique<Table>(other.table());
    else
        std::visit(
            [this](const auto& value) {
                if constexpr (std::copy_constructible<std::decay_t<decltype(value)>>) data_ = value;
            },
            other.data_);
}
Value::Value(Value&& other) noexcept : data_(std::exchange(other.data_, Data())) {}
Value& Value::operator=(const Value& other) {
    if (this != &other) *this = Value(other);
    return *this;
}
Value& Value::operator=(Value&& other) noexcept {
    // By way of a local, because `other` may be a part of what this value holds.
    Data taken = std::exchange(other.data_, Data());
    data_ = std::move(taken);
    return *this;
}
Value::~Value() = default;

Value::Type Value::type() const noexcept { return static_cast<Type>(data_.index()); }

Value::Table& Value::table() const {
    if (!is_table()) detail::throw_unexpected("a table", item());
    return *std::get<std::unique_ptr<Table>>(data_);
}

const std::string& Value::text() const {
    if (!is_string()) detail::throw_unexpected("a string", item());
    return std::get<std::string>(data_);
}
const Value::Array& Value::array() const { return table().array; }
Value::Array& Value::array() { return table().array; }
const Value::Fields& Value::fields() const { return table().fields; }
Value::Fields& Value::fields() { return table().fields; }

const Value& Value::field(std::string_view name) const {
    const Fields& all = fields();
    const auto found = all.find(Key(std::string(name)));
    return found == all.end() ? nil_value() : found->second;
}

const Value& Value::operator[](std::size_t index) const {
    const Array& all = array();
    return index < all.size() ? all[index] : nil_value();
}

bool Value::equals(const Value& other) const {
    if (is_number() && other.is_number() && type() != other.type()) {
        const double number = is_float() ? std::get<double>(data_) : std::get<double>(other.data_);
        const std::int64_t integer =
            is_float() ? std::get<std::int64_t>(other.data_) : std::get<std::int64_t>(data_);
        // Exactly: not every integer has a double.
        constexpr double two_to_63 = 9223372036854775808.0;
        return number >= -two_to_63 && number < two_to_63 && static_cast<std::int64_t>(number) == integer &&
               static_cast<double>(static_cast<std::int64_t>(number)) == number;
    }
    if (is_table() && other.is_table())
        return table().array == other.table().array && table().fields == other.table().fields;
    return data_ == other.data_;
}

detail::ValueItem Value::item() const noexcept {
    detail::ValueItem item;
    item.type = type();
    if (const auto* boolean = std::get_if<bool>(&data_)) item.boolean = *boolean;
    if (const auto* integer = std::get_if<std::int64_t>(&data_)) item.integer = *integer;
    if (const auto* number = std::get_if<double>(&data_)) item.number = *number;
    if (const auto* text = std::get_if<std::string>(&data_)) item.text = *text;
    return item;
}

std::ostream& operator<<(std::ostream& out, const Value& value) { return out << to_string(value); }

} // namespace aio
