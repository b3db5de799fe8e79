#pragma once

/// Counts, added up.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "parse.hpp"

namespace ingest {

/// How often each identifier occurs.
//
// A table of all names is much larger than the processor's caches, and whoever looks up one name after the
// other in it waits for memory most of the time. So the names are divided among many small tables, and what
// is added is put aside until there is enough of it for one of them to be worth fetching.
class IdentifierCounts {
public:
    IdentifierCounts();
    IdentifierCounts(IdentifierCounts&&) noexcept = default;
    IdentifierCounts& operator=(IdentifierCounts&&) = delete;
    ~IdentifierCounts() = default;

    /// Adds what is in the texts for which `kept` has true.
    void add(const Parsed& parsed, const std::vector<bool>& kept);
    /// Adds what is in another one, which is finished.
    void add(const IdentifierCounts& other);
    /// Brings everything into the tables; to be called before any of the following.
    void finish();

    [[nodiscard]] std::size_t size() const;
    /// The `n` most frequent ones, most frequent first, equally frequent ones by name.
    [[nodiscard]] std::vector<std::pair<std::string_view, std::uint64_t>> top(std::size_t n) const;
    bool operator==(const IdentifierCounts& other) const;

private:
    using Table = std::pmr::unordered_map<std::string_view, std::uint64_t>;

    /// A table, and what is still to be added to it.
    struct Part {
        explicit Part(std::pmr::memory_resource* memory) : table(memory) {}

        Table table;
        Names names;
        std::vector<std::uint64_t> counts;
    };
    void add(std::string_view name, std::uint64_t count);
    void work_off(Part& part);

    /// For names and tables. They only ever grow, so they can lie closely packed, each name next to its
    /// count.
    std::unique_ptr<std::pmr::monotonic_buffer_resource> memory_;
    std::vector<Part> parts_;
};

/// A file that is counted part by part.
class FileCounts {
public:
    /// Adds the next part.
    void add(const Parsed& part);

    void finish() { identifiers_.finish(); }

    /// Of all parts together, without the identifiers.
    [[nodiscard]] const TextCounts& text() const { return text_; }
    [[nodiscard]] const IdentifierCounts& identifiers() const { return identifiers_; }

private:
    TextCounts text_;
    IdentifierCounts identifiers_;
};

/// What is in many files. The order in which they are added makes no difference.
class Totals {
public:
    /// Adds the files whose texts were parsed together, and for which `kept` has true.
    void add(const Parsed& parsed, const std::vector<bool>& kept);
    /// Adds a file, which is finished.
    void add(const FileCounts& file);
    /// To be called before anything is asked.
    void finish() { identifiers_.finish(); }

    [[nodiscard]] std::uint64_t files() const { return files_; }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
    [[nodiscard]] std::uint64_t lines() const { return lines_; }
    [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
    /// The sum of the files' checksums.
    [[nodiscard]] std::uint64_t checksum() const { return checksum_; }
    [[nodiscard]] const IdentifierCounts& identifiers() const { return identifiers_; }

    bool operator==(const Totals&) const = default;

private:
    void add(const TextCounts& file);

    std::uint64_t files_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t lines_ = 0;
    std::uint64_t tokens_ = 0;
    std::uint64_t checksum_ = 0;
    IdentifierCounts identifiers_;
};

} // namespace ingest
