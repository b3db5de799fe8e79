#pragma once

/// Looks for the first of several separators in bytes that come bit by bit.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace aio::detail {

/// One search. Where it ends does not depend on the pieces in which the bytes came: of all matches the one
/// that ends first counts.
class SeparatorSearch {
public:
    /// Throws `ValueError` if there are no separators, or if one of them is empty.
    explicit SeparatorSearch(std::vector<std::string> separators);
    /// For one separator, without a list.
    explicit SeparatorSearch(std::string_view separator);

    /// Looks into all that has come so far: what earlier calls were given, and more behind it. True when a
    /// separator is there.
    [[nodiscard]] bool find_in(std::string_view bytes) noexcept;

    /// Where the separator begins and ends, once it has been found.
    [[nodiscard]] std::size_t match_begin() const noexcept { return begin_; }
    [[nodiscard]] std::size_t match_end() const noexcept { return end_; }
    /// So many bytes at the front are certainly no part of a separator.
    [[nodiscard]] std::size_t safe_prefix() const noexcept { return offset_; }

private:
    void add(std::string_view separator);
    void look_for(std::string_view separator, std::string_view bytes) noexcept;

    /// The first one, which mostly is the only one, lies here.
    std::string separator_;
    std::vector<std::string> others_;
    std::size_t shortest_ = 0;
    std::size_t longest_ = 0;
    std::size_t offset_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = std::string_view::npos;
};

} // namespace aio::detail
