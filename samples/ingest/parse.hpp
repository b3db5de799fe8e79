#pragma once

/// What is counted in a text. `parse` runs in worker processes: its argument travels there, and its result back, without further ado.

#include <cstdint>
#include <string>
#include <vector>

namespace ingest {

struct Identifier {
    std::string name;
    std::uint32_t count = 0;
};

/// What is in a piece of text.
struct Parsed {
    /// Line feeds.
    std::uint64_t lines = 0;
    /// Words, and characters that are neither part of a word nor space.
    std::uint64_t tokens = 0;
    std::uint64_t checksum = 0;
    /// The words that begin with a letter or an underscore, and are no longer than anybody would write; in no order.
    std::vector<Identifier> identifiers;
};

/// The checksum of no bytes at all (64-bit FNV-1a).
inline constexpr std::uint64_t empty_checksum = 0xcbf29ce484222325;

/// Counts. `checksum` is that of the text before this piece.
Parsed parse(const std::string& text, std::uint64_t checksum);

} // namespace ingest
