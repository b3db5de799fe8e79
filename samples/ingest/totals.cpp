#include "totals.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <tuple>

namespace ingest {
namespace {

/// Enough that one table and what was put aside for it stay in a processor's own cache.
constexpr unsigned bits_of_part = 6;
constexpr std::size_t number_of_parts = std::size_t{1} << bits_of_part;
constexpr std::size_t most_put_aside = 4096;

/// The table that a name belongs to: the first bits of its hash, as a table makes use of the last ones.
std::size_t part_of(std::string_view name) {
    return std::hash<std::string_view>()(name) >> (std::numeric_limits<std::size_t>::digits - bits_of_part);
}

} // namespace

IdentifierCounts::IdentifierCounts() : memory_(std::make_unique<std::pmr::monotonic_buffer_resource>()) {
    parts_.reserve(number_of_parts);
    for (std::size_t i = 0; i < number_of_parts; ++i) parts_.emplace_back(memory_.get());
}

void IdentifierCounts::add(const Parsed& parsed, const std::vector<bool>& kept) {
    std::vector<std::uint64_t> sums(parsed.names.sizes.size());
    for (std::size_t i = 0; i < parsed.texts.size(); ++i) {
        if (!kept[i]) continue;
        const TextCounts& text = parsed.texts[i];
        for (std::size_t k = 0; k < text.identifiers.size(); ++k)
            sums[text.identifiers[k]] += text.occurrences[k];
    }
    parsed.names.for_each([&](std::size_t i, std::string_view name) {
        if (sums[i] > 0) add(name, sums[i]);
    });
}

void IdentifierCounts::add(const IdentifierCounts& other) {
    for (const Part& part : other.parts_)
        for (const auto& [name, count] : part.table) add(name, count);
}

void IdentifierCounts::add(std::string_view name, std::uint64_t count) {
    Part& part = parts_[part_of(name)];
    part.names.add(name);
    part.counts.push_back(count);
    if (part.counts.size() == most_put_aside) work_off(part);
}

void IdentifierCounts::work_off(Part& part) {
    part.names.for_each([&](std::size_t i, std::string_view name) {
        auto found = part.table.find(name);
        if (found == part.table.end()) {
            char* const copy = static_cast<char*>(memory_->allocate(name.size(), 1));
            name.copy(copy, name.size());
            found = part.table.emplace(std::string_view(copy, name.size()), 0).first;
        }
        found->second += part.counts[i];
    });
    part.names.clear();
    part.counts.clear();
}

void IdentifierCounts::finish() {
    for (Part& part : parts_) work_off(part);
}

std::size_t IdentifierCounts::size() const {
    std::size_t size = 0;
    for (const Part& part : parts_) size += part.table.size();
    return size;
}

std::vector<std::pair<std::string_view, std::uint64_t>> IdentifierCounts::top(std::size_t n) const {
    const auto before = [](const auto& a, const auto& b) {
        return std::tie(b.second, a.first) < std::tie(a.second, b.first);
    };
    // The most frequent ones of all are among the most frequent ones of each part.
    std::vector<std::pair<std::string_view, std::uint64_t>> top;
    for (const Part& part : parts_) {
        std::vector<std::pair<std::string_view, std::uint64_t>> some(std::min(n, part.table.size()));
        std::partial_sort_copy(part.table.begin(), part.table.end(), some.begin(), some.end(), before);
        top.insert(top.end(), some.begin(), some.end());
    }
    std::sort(top.begin(), top.end(), before);
    top.resize(std::min(n, top.size()));
    return top;
}

bool IdentifierCounts::operator==(const IdentifierCounts& other) const {
    return std::equal(parts_.begin(), parts_.end(), other.parts_.begin(), other.parts_.end(),
                      [](const Part& a, const Part& b) { return a.table == b.table; });
}

void FileCounts::add(const Parsed& part) {
    const TextCounts& text = part.texts.front();
    text_.bytes += text.bytes;
    text_.lines += text.lines;
    text_.tokens += text.tokens;
    text_.checksum = text.checksum;
    identifiers_.add(part, {true});
}

void Totals::add(const Parsed& parsed, const std::vector<bool>& kept) {
    for (std::size_t i = 0; i < parsed.texts.size(); ++i)
        if (kept[i]) add(parsed.texts[i]);
    identifiers_.add(parsed, kept);
}

void Totals::add(const FileCounts& file) {
    add(file.text());
    identifiers_.add(file.identifiers());
}

void Totals::add(const TextCounts& file) {
    ++files_;
    bytes_ += file.bytes;
    lines_ += file.lines;
    tokens_ += file.tokens;
    checksum_ += file.checksum;
}

} // namespace ingest
