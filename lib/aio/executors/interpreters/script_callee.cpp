#include <aio/executors/interpreters/script_callee.hpp>

#include <algorithm>

namespace aio::detail {
namespace {

std::string first_line(const std::string& source) {
    constexpr std::size_t longest = 60;
    const std::size_t begin = std::min(source.find_first_not_of(" \t\r\n"), source.size());
    const std::size_t end = std::min(source.find_first_of("\r\n", begin), source.size());
    if (end - begin > longest) return source.substr(begin, longest) + "...";
    const bool is_all = source.find_first_not_of(" \t\r\n", end) == std::string::npos;
    return source.substr(begin, end - begin) + (is_all ? "" : "...");
}

} // namespace

std::string ScriptTarget::describe() const {
    std::string text(language_);
    if (!text.empty()) text += ' ';
    return text + (kind_ == Kind::function ? "function '" + text_ : "chunk '" + first_line(text_)) + "'";
}

} // namespace aio::detail
