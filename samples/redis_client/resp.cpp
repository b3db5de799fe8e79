#include "resp.hpp"

#include <charconv>
#include <system_error>

namespace redis {
namespace {

/// Beyond these a server is broken, or none.
constexpr int deepest = 32;
constexpr std::int64_t longest_text = std::int64_t{512} << 20;
constexpr std::int64_t longest_list = 10'000'000;

std::int64_t to_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size())
        throw ProtocolError("'" + std::string(text.substr(0, 50)) + "' is no number");
    return value;
}

/// A length that is announced; -1 stands for a null.
std::int64_t to_length(std::string_view text, std::int64_t most) {
    const std::int64_t length = to_integer(text);
    if (length < -1 || length > most) throw ProtocolError("a length of " + std::string(text.substr(0, 50)));
    return length;
}

aio::Coro<std::string> read_line(aio::StreamReader& reader) {
    std::string line;
    try {
        line = co_await reader.readuntil("\r\n");
    } catch (const aio::LimitOverrunError&) {
        throw ProtocolError("a line without end");
    }
    line.resize(line.size() - 2);
    co_return line;
}

aio::Coro<Value> read_text(aio::StreamReader& reader, std::int64_t length) {
    Value value;
    if (length < 0) co_return value;
    value.kind = Value::Kind::text;
    value.text = co_await reader.readexactly(static_cast<std::size_t>(length) + 2);
    if (!value.text.ends_with("\r\n")) throw ProtocolError("a text does not end where it should");
    value.text.resize(value.text.size() - 2);
    co_return value;
}

aio::Coro<Value> read_list(aio::StreamReader& reader, std::int64_t length, Value::Kind kind, int depth) {
    Value value;
    if (length < 0) co_return value;
    if (depth >= deepest) throw ProtocolError("lists in lists, too deep");
    value.kind = kind;
    // No room is made for what is only announced.
    for (std::int64_t i = 0; i < length; ++i) {
        Value item = co_await read_value(reader, depth + 1);
        value.items.push_back(std::move(item));
    }
    co_return value;
}

} // namespace

aio::Coro<Value> read_value(aio::StreamReader& reader, int depth) {
    const std::string line = co_await read_line(reader);
    if (line.empty()) throw ProtocolError("an empty line");
    const std::string rest = line.substr(1);
    Value value;
    switch (line.front()) {
    case '+': // a text without a length
    case ',': // a number with a point
    case '(': // a large number
        value.kind = Value::Kind::text;
        value.text = rest;
        co_return value;
    case '-':
        value.kind = Value::Kind::error;
        value.text = rest;
        co_return value;
    case ':':
        value.kind = Value::Kind::integer;
        value.integer = to_integer(rest);
        co_return value;
    case '#':
        value.kind = Value::Kind::integer;
        value.integer = rest == "t" ? 1 : 0;
        co_return value;
    case '_': co_return value;
    case '$':
    case '=': // with three letters that say of what kind it is
        co_return co_await read_text(reader, to_length(rest, longest_text));
    case '!':
        value = co_await read_text(reader, to_length(rest, longest_text));
        value.kind = Value::Kind::error;
        co_return value;
    case '*':
    case '~': co_return co_await read_list(reader, to_length(rest, longest_list), Value::Kind::list, depth);
    case '>': co_return co_await read_list(reader, to_length(rest, longest_list), Value::Kind::push, depth);
    case '%': {
        const std::int64_t pairs = to_length(rest, longest_list / 2);
        co_return co_await read_list(reader, pairs < 0 ? pairs : 2 * pairs, Value::Kind::list, depth);
    }
    default: throw ProtocolError("'" + line.substr(0, 50) + "' begins no value");
    }
}

void append_command(std::string& out, const std::vector<std::string>& words) {
    out += '*' + std::to_string(words.size()) + "\r\n";
    for (const std::string& word : words) {
        out += '$' + std::to_string(word.size()) + "\r\n";
        out += word;
        out += "\r\n";
    }
}

std::string Value::to_string() const {
    switch (kind) {
    case Kind::null: return "(nil)";
    case Kind::text: return '"' + text + '"';
    case Kind::error: return "(error) " + text;
    case Kind::integer: return std::to_string(integer);
    case Kind::list:
    case Kind::push: break;
    }
    std::string all;
    for (const Value& item : items) all += (all.empty() ? "" : ", ") + item.to_string();
    return "[" + all + "]";
}

} // namespace redis
