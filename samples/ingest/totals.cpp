#include "totals.hpp"

#include <algorithm>
#include <tuple>

namespace ingest {
namespace {

/// Both together, each name once.
Identifiers united(const Identifiers& a, const Identifiers& b) {
    std::unordered_map<std::string_view, std::uint32_t> counts;
    const auto count = [&](std::string_view name, std::uint32_t more) { counts[name] += more; };
    a.for_each(count);
    b.for_each(count);
    Identifiers result;
    for (const auto& [name, total] : counts) result.add(name, total);
    return result;
}

} // namespace

void FileCounts::add(std::size_t size, Parsed piece) {
    bytes += size;
    lines += piece.lines;
    tokens += piece.tokens;
    checksum = piece.checksum;
    const bool is_first = identifiers.counts.empty();
    identifiers = is_first ? std::move(piece.identifiers) : united(identifiers, piece.identifiers);
}

void Totals::add(const FileCounts& file) {
    ++files_;
    bytes_ += file.bytes;
    lines_ += file.lines;
    tokens_ += file.tokens;
    checksum_ += file.checksum;
    file.identifiers.for_each([this](std::string_view name, std::uint32_t count) {
        auto found = identifiers_.find(name);
        if (found == identifiers_.end()) found = identifiers_.emplace(name, 0).first;
        found->second += count;
    });
}

std::vector<std::pair<std::string, std::uint64_t>> Totals::top_identifiers(std::size_t n) const {
    const auto before = [](const auto& a, const auto& b) {
        return std::tie(b.second, a.first) < std::tie(a.second, b.first);
    };
    std::vector<std::pair<std::string, std::uint64_t>> top(std::min(n, identifiers_.size()));
    std::partial_sort_copy(identifiers_.begin(), identifiers_.end(), top.begin(), top.end(), before);
    return top;
}

} // namespace ingest
