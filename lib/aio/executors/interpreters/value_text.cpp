#include <aio/executors/interpreters/value.hpp>

#include <algorithm>
#include <cstddef>

namespace aio {
namespace {

bool is_name(std::string_view text) noexcept {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !text.empty() && is_letter(text.front()) &&
           std::ranges::all_of(text, [&](char c) { return is_letter(c) || is_digit(c); });
}

void append_quoted(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (code < 0x20 || code == 0x7f) {
            constexpr std::string_view digits = "0123456789abcdef";
            out += "\\x";
            out += digits[code >> 4U];
            out += digits[code & 15U];
        } else {
            out += c;
        }
    }
    out += '"';
}

void append(std::string& out, const Value& value);

void append_key(std::string& out, const Value::Key& key) {
    if (const auto* index = std::get_if<std::int64_t>(&key)) {
        out += "[" + std::to_string(*index) + "]";
    } else if (const auto& name = std::get<std::string>(key); is_name(name)) {
        out += name;
    } else {
        out += '[';
        append_quoted(out, name);
        out += ']';
    }
}

void append_table(std::string& out, const Value& table) {
    out += '{';
    const char* separator = "";
    for (const Value& element : table.array()) {
        out += separator;
        append(out, element);
        separator = ", ";
    }
    for (const auto& [key, value] : table.fields()) {
        out += separator;
        append_key(out, key);
        out += " = ";
        append(out, value);
        separator = ", ";
    }
    out += '}';
}

void append(std::string& out, const Value& value) {
    switch (value.type()) {
    case ValueType::nil: out += "nil"; break;
    case ValueType::boolean: out += value.as<bool>() ? "true" : "false"; break;
    case ValueType::integer: out += std::to_string(value.as<std::int64_t>()); break;
    case ValueType::number: out += detail::number_text(value.as<double>()); break;
    case ValueType::string: append_quoted(out, value.text()); break;
    case ValueType::table: append_table(out, value); break;
    }
}

} // namespace

std::string to_string(const Value& value) {
    std::string text;
    append(text, value);
    return text;
}

} // namespace aio
