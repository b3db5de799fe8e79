#pragma once

/// Text for people.

#include <cstdint>
#include <string>
#include <string_view>

namespace ingest {

/// The text with everything that could disturb a terminal written as \xNN: control characters, and what is no
/// UTF-8.
std::string printable(std::string_view text);

/// "1.5 MB".
std::string human_size(std::uint64_t bytes);

} // namespace ingest
