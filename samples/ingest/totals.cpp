#include "totals.hpp"

#include <algorithm>
#include <iterator>
#include <tuple>

namespace ingest {
namespace {

/// Makes one entry of those with the same name.
void unite(std::vector<Identifier>& identifiers) {
    std::ranges::sort(identifiers, {}, &Identifier::name);
    std::size_t kept = 0;
    for (std::size_t i = 1; i < identifiers.size(); ++i) {
        if (identifiers[i].name == identifiers[kept].name)
            identifiers[kept].count += identifiers[i].count;
        else if (++kept != i)
            identifiers[kept] = std::move(identifiers[i]);
    }
    identifiers.resize(identifiers.empty() ? 0 : kept + 1);
}

} // namespace

void FileCounts::add(std::size_t size, Parsed piece) {
    bytes += size;
    lines += piece.lines;
    tokens += piece.tokens;
    checksum = piece.checksum;
    if (identifiers.empty()) {
        identifiers = std::move(piece.identifiers);
        return;
    }
    // A file of many pieces: the list must not grow with each of them.
    std::ranges::move(piece.identifiers, std::back_inserter(identifiers));
    unite(identifiers);
}

void Totals::add(const FileCounts& file) {
    ++files_;
    bytes_ += file.bytes;
    lines_ += file.lines;
    tokens_ += file.tokens;
    checksum_ += file.checksum;
    for (const Identifier& identifier : file.identifiers) {
        auto found = identifiers_.find(std::string_view(identifier.name));
        if (found == identifiers_.end()) found = identifiers_.emplace(identifier.name, 0).first;
        found->second += identifier.count;
    }
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
