#include <aio/io/null_character.hpp>

#include <aio/core/errors.hpp>

namespace aio::detail {

void refuse_null(std::string_view text, const char* kind) {
    if (text.find('\0') == std::string_view::npos) return;
    std::string readable;
    for (const char c : text) readable += c == '\0' ? std::string("\\0") : std::string(1, c);
    throw ValueError(std::string("null character in the ") + kind + " \"" + readable + "\"");
}

} // namespace aio::detail
