#pragma once

/// Refuses texts with a null character in them, which the system would take for their end: another file would
/// be opened, another host asked, another argument given.

#include <string>
#include <string_view>

namespace aio::detail {

/// Throws `ValueError` for a text with a null character in it; `kind` says what it is: "path".
void refuse_null(std::string_view text, const char* kind);

/// Gives the text if it is none of these.
[[nodiscard]] inline std::string without_null(std::string text, const char* kind) {
    refuse_null(text, kind);
    return text;
}

} // namespace aio::detail
