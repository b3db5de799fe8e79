#pragma once

/// Redis's protocol (RESP, versions 2 and 3).

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <aio/aio.hpp>

namespace redis {

/// What a server has said is no RESP, or more than anybody wants.
class ProtocolError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An answer.
class Value {
public:
    enum class Kind { null, text, error, integer, list, push };

    Kind kind = Kind::null;
    /// Of a text or an error; numbers that are no integers are texts as well.
    std::string text;
    std::int64_t integer = 0;
    /// Of a list or a push; keys and values of a map by turns.
    std::vector<Value> items;

    [[nodiscard]] bool is(std::string_view expected) const { return kind == Kind::text && text == expected; }
    /// As redis-cli shows it.
    [[nodiscard]] std::string to_string() const;
};

/// Reads the next value. Throws `ProtocolError`, and `aio::IncompleteReadError` if the stream ends in it.
[[nodiscard]] aio::Coro<Value> read_value(aio::StreamReader& reader, int depth = 0);

/// Appends a command and its arguments as they go over the wire.
void append_command(std::string& out, const std::vector<std::string>& words);

} // namespace redis
