#pragma once

/// What is counted in a text. `parse` runs in worker processes: its argument travels there, and its result
/// back, without further ado.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingest {

/// Words and how often they occur. The names lie one after the other in one string: to send that to another
/// process, and to take it apart there, costs much less than a string for each.
struct Identifiers {
    /// Each name is followed by a line feed.
    std::string names;
    std::vector<std::uint32_t> counts;

    void add(std::string_view name, std::uint32_t count) {
        names.append(name).push_back('\n');
        counts.push_back(count);
    }
    /// Calls `visit(name, count)` for each.
    template <class Visit>
    void for_each(Visit visit) const {
        std::string_view rest = names;
        for (const std::uint32_t count : counts) {
            const std::size_t size = rest.find('\n');
            visit(rest.substr(0, size), count);
            rest.remove_prefix(size + 1);
        }
    }
};

/// What is in a piece of text.
struct Parsed {
    /// Line feeds.
    std::uint64_t lines = 0;
    /// Words, and characters that are neither part of a word nor space.
    std::uint64_t tokens = 0;
    std::uint64_t checksum = 0;
    /// The words that begin with a letter or an underscore, and are no longer than anybody would write; in no
    /// order.
    Identifiers identifiers;
};

/// The checksum of no bytes at all (64-bit FNV-1a).
inline constexpr std::uint64_t empty_checksum = 0xcbf29ce484222325;

/// Counts. `checksum` is that of the text before this piece.
Parsed parse(const std::string& text, std::uint64_t checksum);

} // namespace ingest
