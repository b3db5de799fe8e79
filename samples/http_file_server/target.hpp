#pragma once

/// From the target of a request to a place below the root, and back.

#include <filesystem>
#include <string>
#include <string_view>

namespace http_file_server {

/// The relative path that a target ("/a%20b/c?query") stands for. Throws `HttpError`, 400, for what is no
/// path, or climbs above the root.
[[nodiscard]] std::filesystem::path decode_target(std::string_view target);

/// A name as it stands in a link.
[[nodiscard]] std::string percent_encode(std::string_view name);
/// A text as it stands in HTML.
[[nodiscard]] std::string escape_html(std::string_view text);

[[nodiscard]] std::string_view media_type(const std::filesystem::path& path);

} // namespace http_file_server
