#pragma once

/// What is counted in texts. `parse` runs in worker processes: its argument travels there, and its result
/// back, without further ado.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ingest {

/// The checksum of no bytes at all (64-bit FNV-1a).
inline constexpr std::uint64_t empty_checksum = 0xcbf29ce484222325;

/// What is in one text.
struct TextCounts {
    std::uint64_t bytes = 0;
    /// Line feeds.
    std::uint64_t lines = 0;
    /// Words, and characters that are neither part of a word nor space.
    std::uint64_t tokens = 0;
    std::uint64_t checksum = empty_checksum;
    /// Its identifiers, each as its place among the names that were found with it, and how often each occurs.
    std::vector<std::uint32_t> identifiers;
    std::vector<std::uint32_t> occurrences;
};

/// Names that lie one after the other in one string: to send that to another process, and to take it apart
/// there, costs much less than a string for each.
struct Names {
    std::string letters;
    std::vector<std::uint32_t> sizes;

    void add(std::string_view name) {
        letters.append(name);
        sizes.push_back(static_cast<std::uint32_t>(name.size()));
    }
    void clear() {
        letters.clear();
        sizes.clear();
    }
    /// Calls `visit(index, name)` for each.
    template <class Visit>
    void for_each(Visit visit) const {
        std::string_view rest = letters;
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            visit(i, rest.substr(0, sizes[i]));
            rest.remove_prefix(sizes[i]);
        }
    }
};

/// What is in several texts.
struct Parsed {
    /// Each identifier once, in whichever texts it occurs: words that begin with a letter or an underscore,
    /// and are no longer than anybody would write.
    Names names;
    /// For each text.
    std::vector<TextCounts> texts;
};

/// Counts what is in each.
Parsed parse(const std::vector<std::string>& texts);

/// Counts what is in a part of a text; `checksum` is that of the text before it.
Parsed parse_part(const std::string& text, std::uint64_t checksum);

} // namespace ingest
