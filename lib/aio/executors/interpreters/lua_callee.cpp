#include <aio/executors/interpreters/lua_callee.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

#include <aio/core/errors.hpp>

namespace aio::detail {
namespace {

bool is_keyword(std::string_view word) noexcept {
    static constexpr std::array<std::string_view, 22> keywords{
        "and", "break", "do",  "else", "elseif", "end",    "false",  "for",  "function", "goto",  "if",
        "in",  "local", "nil", "not",  "or",     "repeat", "return", "then", "true",     "until", "while"};
    return std::ranges::find(keywords, word) != keywords.end();
}

bool is_identifier(std::string_view word) noexcept {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !word.empty() && is_letter(word.front()) && !is_keyword(word) &&
           std::ranges::all_of(word, [&](char c) { return is_letter(c) || is_digit(c); });
}

bool is_function_name(std::string_view text) noexcept {
    for (;;) {
        const std::size_t dot = text.find('.');
        if (!is_identifier(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

} // namespace

ScriptTarget lua_target(std::string name_or_source) {
    if (is_function_name(name_or_source))
        return lua_target(ScriptTarget::Kind::function, std::move(name_or_source));
    return lua_target(ScriptTarget::Kind::chunk, std::move(name_or_source));
}

ScriptTarget lua_target(ScriptTarget::Kind kind, std::string text) {
    return ScriptTarget(kind, std::move(text), "Lua");
}

ScriptTarget lua_function_target(std::string name) {
    if (!is_function_name(name))
        throw ValueError("'" + name + "' is not the name of a Lua function, such as 'f' or 'math.floor'");
    return lua_target(ScriptTarget::Kind::function, std::move(name));
}

} // namespace aio::detail
