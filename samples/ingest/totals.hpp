#pragma once

/// Counts, added up.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parse.hpp"

namespace ingest {

/// What is in one file: its pieces together.
struct FileCounts {
    std::uint64_t bytes = 0;
    std::uint64_t lines = 0;
    std::uint64_t tokens = 0;
    std::uint64_t checksum = empty_checksum;
    Identifiers identifiers;

    /// Adds the next piece, which is so many bytes long.
    void add(std::size_t size, Parsed piece);
};

/// What is in many files. The order in which they are added makes no difference.
class Totals {
public:
    Totals() { identifiers_.reserve(std::size_t{1} << 17U); }

    void add(const FileCounts& file);

    [[nodiscard]] std::uint64_t files() const { return files_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t lines() const { return lines_; }
    [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
    /// The sum of the files' checksums.
    [[nodiscard]] std::uint64_t checksum() const { return checksum_; }
    [[nodiscard]] std::size_t distinct_identifiers() const { return identifiers_.size(); }
    /// The `n` most frequent ones, most frequent first, equally frequent ones by name.
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> top_identifiers(std::size_t n) const;

    bool operator==(const Totals&) const = default;

private:
    /// Lets a name be looked up before it is copied.
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
    };

    std::uint64_t files_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t lines_ = 0;
    std::uint64_t tokens_ = 0;
    std::uint64_t checksum_ = 0;
    std::unordered_map<std::string, std::uint64_t, Hash, std::equal_to<>> identifiers_;
};

} // namespace ingest
