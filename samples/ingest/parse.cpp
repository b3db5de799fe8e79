#include "parse.hpp"

#include <array>
#include <cstddef>
#include <memory_resource>
#include <string_view>
#include <unordered_map>
#include <utility>

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

/// Counts in one text after the other.
class Parser {
public:
    void add(std::string_view text, std::uint64_t checksum);
    [[nodiscard]] Parsed result() { return std::move(result_); }

private:
    /// An identifier, and how often it occurs in the text at hand.
    struct Word {
        std::uint32_t index = 0;
        std::uint32_t count = 0;
    };
    void count(std::string_view name);
    void write_words(TextCounts& counts);

    Parsed result_;
    std::pmr::monotonic_buffer_resource memory_{std::size_t{64} << 10U};
    /// Refers to the texts.
    std::pmr::unordered_map<std::string_view, Word> words_{&memory_};
    /// Those that occur in the text at hand.
    std::vector<Word*> present_;
};

void Parser::add(std::string_view text, std::uint64_t checksum) {
    TextCounts counts;
    counts.bytes = text.size();
    counts.checksum = checksum_of(text, checksum);
    for (std::size_t i = 0; i < text.size();) {
        const Kind kind = kind_of(text[i]);
        if (kind == Kind::space) {
            if (text[i] == '\n') ++counts.lines;
            ++i;
            continue;
        }
        ++counts.tokens;
        const std::size_t begin = i++;
        if (kind == Kind::other) continue;
        while (i < text.size() && in_word(text[i])) ++i;
        if (kind == Kind::letter && i - begin <= longest_identifier) count(text.substr(begin, i - begin));
    }
    write_words(counts);
    result_.texts.push_back(std::move(counts));
}

void Parser::count(std::string_view name) {
    const auto [found, is_new] = words_.try_emplace(name);
    Word& word = found->second;
    if (is_new) {
        word.index = static_cast<std::uint32_t>(result_.names.sizes.size());
        result_.names.add(name);
    }
    if (word.count++ == 0) present_.push_back(&word);
}

void Parser::write_words(TextCounts& counts) {
    counts.identifiers.reserve(present_.size());
    counts.occurrences.reserve(present_.size());
    for (Word* const word : present_) {
        counts.identifiers.push_back(word->index);
        counts.occurrences.push_back(std::exchange(word->count, 0));
    }
    present_.clear();
}

} // namespace

Parsed parse(const std::vector<std::string>& texts) {
    Parser parser;
    for (const std::string& text : texts) parser.add(text, empty_checksum);
    return parser.result();
}

Parsed parse_part(const std::string& text, std::uint64_t checksum) {
    Parser parser;
    parser.add(text, checksum);
    return parser.result();
}

} // namespace ingest
