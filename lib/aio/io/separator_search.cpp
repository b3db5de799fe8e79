#include <aio/io/separator_search.hpp>

#include <algorithm>

#include <aio/core/errors.hpp>

namespace aio::detail {

SeparatorSearch::SeparatorSearch(std::string_view separator) { add(separator); }

SeparatorSearch::SeparatorSearch(std::vector<std::string> separators) {
    if (separators.empty()) throw ValueError("readuntil: there must be at least one separator");
    for (const std::string& separator : separators) add(separator);
}

void SeparatorSearch::add(std::string_view separator) {
    if (separator.empty()) throw ValueError("readuntil: a separator must have at least one byte");
    if (separator_.empty()) {
        separator_ = separator;
        shortest_ = longest_ = separator.size();
        return;
    }
    others_.emplace_back(separator);
    shortest_ = std::min(shortest_, separator.size());
    longest_ = std::max(longest_, separator.size());
}

void SeparatorSearch::look_for(std::string_view separator, std::string_view bytes) noexcept {
    // A match that ends later than the best one so far is of no interest.
    const std::size_t at = bytes.substr(0, end_).find(separator, offset_);
    if (at == std::string_view::npos || at + separator.size() >= end_) return;
    begin_ = at;
    end_ = at + separator.size();
}

bool SeparatorSearch::find_in(std::string_view bytes) noexcept {
    if (end_ != std::string_view::npos) return true;
    if (bytes.size() < offset_ + shortest_) return false;
    look_for(separator_, bytes);
    for (const std::string& separator : others_) look_for(separator, bytes);
    if (end_ != std::string_view::npos) return true;
    // A separator that is still to come may have begun in the last bytes.
    offset_ = std::max(offset_, bytes.size() + 1 - std::min(longest_, bytes.size() + 1));
    return false;
}

} // namespace aio::detail
