#include <aio/executors/interpreters/value_conversion.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace aio::detail {

void throw_key_in_sequence(const ValueItem& key) {
    throw ConversionError("expected a sequence, got a table with the key " + describe(key).substr(4));
}

void expect_field_count(const ValueItem& item, std::size_t wanted) {
    if (item.elements > wanted)
        throw ConversionError("expected a table of " + std::to_string(wanted) + " values, got one of " +
                              std::to_string(item.elements));
}

void ValueFormat<Value>::write(ValueWriter& out, const Value& value) {
    switch (value.type()) {
    case ValueType::nil: out.nil(); return;
    case ValueType::boolean: out.boolean(value.as<bool>()); return;
    case ValueType::integer: out.integer(value.as<std::int64_t>()); return;
    case ValueType::number: out.number(value.as<double>()); return;
    case ValueType::string: out.string(value.text()); return;
    case ValueType::table: break;
    }
    const ValueWriter::Table table(out, value.array().size(), value.fields().size());
    std::int64_t index = 0;
    for (const Value& element : value.array()) {
        ++index;
        at_key(index, [&] { write(out, element); });
    }
    for (const auto& [key, field] : value.fields()) {
        if (const auto* number = std::get_if<std::int64_t>(&key)) {
            out.integer(*number);
            at_key(*number, [&] { write(out, field); });
        } else {
            const std::string& name = std::get<std::string>(key);
            out.string(name);
            at_key(name, [&] { write(out, field); });
        }
    }
}

Value ValueFormat<Value>::read(const ValueItem& item, ValueReader& in) {
    switch (item.type) {
    case ValueType::nil: return {};
    case ValueType::boolean: return item.boolean;
    case ValueType::integer: return item.integer;
    case ValueType::number: return item.number;
    case ValueType::string: return item.text;
    case ValueType::table: break;
    }
    Value::Array array;
    array.reserve(item.elements);
    for (std::size_t i = 0; i < item.elements; ++i) array.push_back(read_value<Value>(in));
    Value::Fields fields;
    for (std::size_t i = 0; i < item.fields; ++i) {
        const ValueItem key = in.next();
        Value value = read_value<Value>(in);
        if (key.type == ValueType::integer)
            fields.insert_or_assign(key.integer, std::move(value));
        else
            fields.insert_or_assign(std::string(key.text), std::move(value));
    }
    return Value(std::move(array), std::move(fields));
}

} // namespace aio::detail
