#include "parse.hpp"

#include <array>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <unordered_map>

namespace ingest {
namespace {

constexpr std::size_t longest_identifier = 80;

enum class Kind : unsigned char { other, space, letter, digit };

constexpr std::array<Kind, 256> kinds = [] {
    std::array<Kind, 256> result{};
    for (const char c : {' ', '\t', '\n', '\v', '\f', '\r'})
        result[static_cast<std::size_t>(c)] = Kind::space;
    for (std::size_t c = '0'; c <= '9'; ++c) result[c] = Kind::digit;
    for (std::size_t c = 'a'; c <= 'z'; ++c) result[c] = Kind::letter;
    for (std::size_t c = 'A'; c <= 'Z'; ++c) result[c] = Kind::letter;
    result['_'] = Kind::letter;
    return result;
}();

Kind kind_of(char c) { return kinds[static_cast<unsigned char>(c)]; }
bool in_word(char c) { return kind_of(c) == Kind::letter || kind_of(c) == Kind::digit; }

std::uint64_t checksum_of(std::string_view text, std::uint64_t checksum) {
    for (const char c : text) checksum = (checksum ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    return checksum;
}

} // namespace

Parsed parse(const std::string& text, std::uint64_t checksum) {
    Parsed result;
    result.checksum = checksum_of(text, checksum);
    std::pmr::monotonic_buffer_resource memory(std::size_t{64} << 10U);
    std::pmr::unordered_map<std::string_view, std::uint32_t> counts(&memory);
    const std::string_view all = text;
    for (std::size_t i = 0; i < all.size();) {
        const Kind kind = kind_of(all[i]);
        if (kind == Kind::space) {
            if (all[i] == '\n') ++result.lines;
            ++i;
            continue;
        }
        ++result.tokens;
        const std::size_t begin = i++;
        if (kind == Kind::other) continue;
        while (i < all.size() && in_word(all[i])) ++i;
        if (kind == Kind::letter && i - begin <= longest_identifier) ++counts[all.substr(begin, i - begin)];
    }
    for (const auto& [name, count] : counts) result.identifiers.add(name, count);
    return result;
}

} // namespace ingest
