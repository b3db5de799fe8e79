#include "targets.hpp"

#include <aio/workers/codec.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>

namespace {

enum class Colour : std::uint8_t { red, green, blue };
enum class Switch : bool { off, on };

struct Empty {};

class Money {
public:
    static Money of_cents(std::int64_t cents) { return Money(cents); }
    [[nodiscard]] std::int64_t cents() const { return cents_; }

private:
    explicit Money(std::int64_t cents) : cents_(cents) {}
    std::int64_t cents_;
};

class Listed {
    friend aio::CodecAccess;
    int number_ = 0;
    std::string text_;
    static constexpr auto aio_fields = std::tuple(&Listed::number_, &Listed::text_);
};

struct Serialized {
    std::vector<std::string> words;
    int grid[2][2] = {};
    template <class Archive>
    void serialize(Archive& archive) {
        archive(words, grid);
    }
};

/// Comes back to itself with no container in between.
struct Chain {
    std::unique_ptr<Chain> next;
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        bool more = next != nullptr;
        archive & more;
        if (!more) return;
        if (!next) next = std::make_unique<Chain>();
        archive&* next;
    }
};

struct Numbers {
    bool flag = true;
    char letter = 'a';
    std::int16_t small = -2;
    std::uint64_t large = 1;
    float single = 0.5F;
    double twice = 1e300;
    Colour colour = Colour::blue;
    Switch toggle = Switch::on;
    std::complex<float> point;
    std::bitset<11> bits;
    std::chrono::milliseconds delay{};
    std::chrono::system_clock::time_point when;
};

struct Sequences {
    std::string text;
    std::u16string wide;
    std::vector<double> block;
    std::vector<std::string> texts;
    std::vector<bool> flags;
    std::deque<Colour> colours;
    std::list<std::pair<int, std::string>> pairs;
    std::array<int, 3> triple{};
    std::array<std::string, 2> two;
    std::vector<Empty> empties;
    std::vector<std::vector<std::vector<int>>> deep;
};

struct Tables {
    std::set<int> set;
    std::multiset<std::string> words;
    std::map<std::string, std::vector<int>> map;
    std::multimap<int, Empty> many;
    std::unordered_set<std::string> hashed;
    std::unordered_map<int, std::string> names;
};

struct Everything {
    Numbers numbers;
    Sequences sequences;
    Tables tables;
    std::optional<std::string> note;
    std::variant<std::monostate, int, std::vector<Money>> choice;
    std::tuple<int, std::string, Empty> tuple;
    std::unique_ptr<Everything> owned;
    std::shared_ptr<const std::string> shared;
    std::vector<Everything> children;
    std::filesystem::path path;
    std::error_code error;
    Money money = Money::of_cents(5);
    Listed listed;
    Serialized serialized;
    Chain chain;
};

Everything full() {
    Everything all;
    all.numbers.bits.set(10);
    all.sequences = {"text", u"wide", {1, 2, 3},      {"a", "bc", ""}, {true, false}, {Colour::red},
                     {},     {},      {"one", "two"}, {{}, {}},        {{{1}, {}}}};
    all.sequences.pairs.emplace_back(3, "three");
    all.tables = {{1, 2, 3}, {"x", "x"}, {{"k", {1, 2}}}, {{4, {}}, {4, {}}}, {"h"}, {{7, "seven"}}};
    all.note = "note";
    all.choice = std::vector<Money>{Money::of_cents(1), Money::of_cents(2)};
    all.shared = std::make_shared<const std::string>("shared");
    all.path = "/tmp/file";
    all.error = std::make_error_code(std::errc::timed_out);
    all.serialized.words = {"w"};
    all.chain.next = std::make_unique<Chain>();
    return all;
}

fuzz::Bytes encoded(const Everything& value) {
    aio::ByteWriter out;
    aio::encode(out, value);
    return out.take();
}

} // namespace

template <>
struct aio::Codec<Money> {
    static void encode(aio::ByteWriter& out, const Money& money) { aio::encode(out, money.cents()); }
    static Money decode(aio::ByteReader& in) { return Money::of_cents(aio::decode<std::int64_t>(in)); }
};

static_assert(aio::Encodable<Everything>);

namespace fuzz {

void decode_everything(std::span<const std::byte> bytes) {
    try {
        const auto value = aio::decode_all<Everything>(bytes);
        // There is one length for each value, so nothing was skipped and nothing made up.
        require(encoded(value).size() == bytes.size(), "what was decoded is as long when encoded again");
    } catch (const aio::DecodeError&) {
    }
}

std::vector<Bytes> valid_everything() {
    Everything nested = full();
    nested.owned = std::make_unique<Everything>();
    nested.children.push_back(full());
    nested.children.emplace_back();
    return {encoded(Everything()), encoded(full()), encoded(nested)};
}

} // namespace fuzz
