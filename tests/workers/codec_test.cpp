#include <aio/workers/codec.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <functional>
#include <limits>
#include <new>
#include <random>

namespace {

enum class Colour : std::uint8_t { red, green, blue };
enum Plain { plain_a, plain_b };
enum class Switch : bool { off, on };

struct Empty {
    bool operator==(const Empty&) const = default;
};
struct Point {
    int x = 0;
    double y = 0;
    bool operator==(const Point&) const = default;
};
struct Node {
    int value = 0;
    std::vector<Node> children;
    std::unique_ptr<Node> next;
};
struct Big {
    std::string name;
    std::vector<double> samples;
    std::map<std::string, std::vector<int>> table;
    std::vector<Point> points;
    std::optional<std::string> note;
    std::variant<std::monostate, int, std::string> choice;
    std::array<int, 3> triple{};
    std::array<std::string, 2> words;
    std::unordered_map<int, std::string> names;
    std::set<Colour> colours;
    std::unordered_set<std::string> tags;
    std::deque<bool> flags;
    std::list<std::pair<int, std::string>> pairs;
    std::vector<bool> bits;
    std::tuple<int, std::string, Empty> tuple;
    std::chrono::milliseconds delay{};
    std::chrono::system_clock::time_point when;
    std::filesystem::path path;
    std::error_code error;
    Switch toggle = Switch::off;
    std::vector<std::byte> blob;
    bool operator==(const Big&) const = default;
};
struct ThirtyTwo {
    int a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16;
    int b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15;
    std::optional<int> last;
    bool operator==(const ThirtyTwo&) const = default;
};
struct TooMany {
    ThirtyTwo first;
    char c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16;
    char d1, d2, d3, d4, d5, d6, d7, d8, d9, d10, d11, d12, d13, d14, d15, d16;
};
struct OptionalFirst {
    std::optional<int> a;
    std::optional<std::string> b;
    std::optional<Point> c;
    bool operator==(const OptionalFirst&) const = default;
};
struct SingleOptional {
    std::optional<std::vector<int>> a;
    bool operator==(const SingleOptional&) const = default;
};
class Money {
public:
    static Money of_cents(std::int64_t cents) { return Money(cents); }
    [[nodiscard]] std::int64_t cents() const { return cents_; }
    bool operator==(const Money&) const = default;

private:
    explicit Money(std::int64_t cents) : cents_(cents) {}
    std::int64_t cents_;
};
struct WithCArray {
    int values[3];
    int other;
};
struct WithArrayOfClass {
    int first;
    Money values[2];
};
struct WithArrayLast {
    std::optional<int> first;
    char text[16];
};
struct TwoArguments {
    std::pair<Money, Money> both;
    Money third;
    bool operator==(const TwoArguments&) const = default;
};
struct WithPointer {
    const char* text;
};
struct WithReference {
    const std::string& text;
};
struct WithBase : Point {
    int z;
};
struct WithConst {
    const int a;
    const std::string b;
};
union Overlay {
    int a;
    float b;
};

class Opaque {
public:
    explicit Opaque(int) {}
};
struct HoldsOpaque {
    int a;
    std::vector<Opaque> b;
};
struct Purse {
    Money coins;
    std::optional<Money> notes;
    bool operator==(const Purse&) const = default;
};

} // namespace

template <>
struct aio::Codec<Money> {
    static void encode(aio::ByteWriter& out, const Money& money) { aio::encode(out, money.cents()); }
    static Money decode(aio::ByteReader& in) { return Money::of_cents(aio::decode<std::int64_t>(in)); }
};

namespace {

using aio::Encodable;
using aio::EncodableInput;

static_assert(Encodable<int> && Encodable<bool> && Encodable<long double> && Encodable<Colour> &&
              Encodable<std::byte>);
static_assert(Encodable<Big> && Encodable<Node> && Encodable<Empty> && Encodable<ThirtyTwo> &&
              Encodable<Money> && Encodable<Purse>);
static_assert(Encodable<std::vector<std::map<std::string, std::optional<Point>>>>);
static_assert(Encodable<WithConst> && Encodable<SingleOptional>);
static_assert(aio::detail::count_fields<ThirtyTwo>() == 32 &&
              aio::detail::count_fields<OptionalFirst>() == 3);
static_assert(!Encodable<TooMany>);
static_assert(!Encodable<int*> && !Encodable<const char*> && !Encodable<int&> && !Encodable<const int>);
static_assert(!Encodable<Opaque> && !Encodable<std::vector<Opaque>> && !Encodable<std::optional<Opaque>>);
static_assert(!Encodable<std::map<int, Opaque>> && !Encodable<std::tuple<int, Opaque>> &&
              !Encodable<HoldsOpaque>);
static_assert(!Encodable<std::variant<int, Opaque>> && !Encodable<std::array<Opaque, 2>> &&
              !Encodable<std::unique_ptr<Opaque>>);
static_assert(Encodable<TwoArguments> && !Encodable<WithArrayOfClass> && !Encodable<WithArrayLast>);
static_assert(!Encodable<WithCArray> && !Encodable<WithPointer> && !Encodable<WithReference> &&
              !Encodable<WithBase>);
static_assert(!Encodable<Overlay> && !Encodable<std::function<void()>>);
static_assert(!Encodable<std::string_view> && EncodableInput<std::string_view>);
static_assert(!Encodable<std::span<const int>> && EncodableInput<std::span<const int>>);
static_assert(!Encodable<std::vector<std::string_view>> && EncodableInput<std::vector<std::string_view>>);

template <class T>
T round_trip(const T& value) {
    aio::ByteWriter out;
    aio::encode(out, value);
    return aio::decode_all<T>(out.bytes());
}

template <class T>
void check_round_trip(const T& value) {
    CHECK(round_trip(value) == value);
}

Big make_big() {
    Big big;
    big.name = "name with some length, so that it is not stored inline";
    big.samples = {1.5, -2.5, 1e300};
    big.table = {{"one", {1}}, {"none", {}}, {"three", {1, 2, 3}}};
    big.points = {{1, 2.0}, {3, 4.0}};
    big.note = "note";
    big.choice = std::string("chosen");
    big.triple = {7, 8, 9};
    big.words = {"left", "right"};
    big.names = {{1, "a"}, {2, "b"}};
    big.colours = {Colour::red, Colour::blue};
    big.tags = {"x", "y"};
    big.flags = {true, false, true};
    big.pairs = {{1, "one"}, {2, "two"}};
    big.bits = {true, true, false};
    big.tuple = {5, "five", {}};
    big.delay = std::chrono::milliseconds(250);
    big.when = std::chrono::system_clock::time_point(std::chrono::seconds(1234567));
    big.path = "/some/where";
    big.error = std::make_error_code(std::errc::timed_out);
    big.toggle = Switch::on;
    big.blob = {std::byte{1}, std::byte{255}};
    return big;
}

} // namespace

TEST_CASE(
    "codec: a writer keeps what is appended in pieces of any size, and can be used when it was moved from") {
    aio::ByteWriter out;
    std::vector<std::byte> expected;
    for (std::size_t size : {1u, 3u, 64u, 1u, 5000u, 8u, 200'000u, 2u, 70'000u, 4u}) {
        const std::vector<std::byte> piece(size, static_cast<std::byte>(size % 251));
        out.append(piece);
        expected.insert(expected.end(), piece.begin(), piece.end());
    }
    CHECK(std::ranges::equal(out.bytes(), expected));
    aio::ByteWriter other = std::move(out);
    CHECK(other.size() == expected.size());
    CHECK(out.size() == 0);
    out.append_scalar('x');
    CHECK(out.size() == 1);
    CHECK(out.bytes()[0] == std::byte{'x'});
    other.truncate(2);
    other.append_scalar('y');
    CHECK(other.take() == std::vector<std::byte>{std::byte{1}, std::byte{3}, std::byte{'y'}});
    CHECK(other.size() == 0);
    out = std::move(other);
    CHECK(out.size() == 0);
}

TEST_CASE("codec: scalars and simple types come back equal") {
    check_round_trip(42);
    check_round_trip(std::numeric_limits<std::int64_t>::min());
    check_round_trip(3.25F);
    check_round_trip('c');
    check_round_trip(true);
    check_round_trip(Colour::blue);
    check_round_trip(plain_b);
    check_round_trip(Switch::on);
    check_round_trip(std::byte{200});
    check_round_trip(std::string("with\0zero", 9));
    check_round_trip(std::u16string(u"wide"));
    check_round_trip(std::monostate{});
    check_round_trip(nullptr);
    check_round_trip(std::tuple<>{});
    check_round_trip(std::array<int, 0>{});
    check_round_trip(std::filesystem::path("/a/b"));
    check_round_trip(std::error_code(ENOENT, std::system_category()));
    check_round_trip(std::chrono::steady_clock::now());
    check_round_trip(std::chrono::duration<double, std::ratio<60>>(1.5));
}

TEST_CASE("codec: structs of every supported kind come back equal") {
    check_round_trip(make_big());
    check_round_trip(Empty{});
    check_round_trip(OptionalFirst{1, "two", Point{3, 4}});
    check_round_trip(OptionalFirst{});
    check_round_trip(SingleOptional{std::vector<int>{1, 2}});
    check_round_trip(Purse{Money::of_cents(5), Money::of_cents(7)});
    ThirtyTwo many{};
    many.a1 = 1;
    many.b15 = 31;
    many.last = 32;
    check_round_trip(many);
    check_round_trip(std::vector<Empty>(1000));
    check_round_trip(std::optional<std::optional<bool>>(std::optional<bool>()));
    const WithConst constant = round_trip(WithConst{4, "four"});
    CHECK(constant.a == 4);
    CHECK(constant.b == "four");
}

TEST_CASE("codec: recursive types come back equal") {
    Node node{1, {}, nullptr};
    node.children.push_back(Node{2, {}, nullptr});
    node.children.back().children.push_back(Node{3, {}, nullptr});
    node.next = std::make_unique<Node>(Node{4, {}, nullptr});
    const Node copy = round_trip(node);
    CHECK(copy.value == 1);
    REQUIRE(copy.children.size() == 1);
    CHECK(copy.children[0].children.at(0).value == 3);
    REQUIRE(copy.next);
    CHECK(copy.next->value == 4);
}

TEST_CASE("codec: a view is written as what owns the same elements") {
    aio::ByteWriter out;
    aio::encode(out, std::string_view("text"));
    CHECK(aio::decode_all<std::string>(out.bytes()) == "text");
    out.clear();
    const std::vector<int> values{1, 2, 3};
    aio::encode(out, std::span<const int>(values));
    CHECK(aio::decode_all<std::vector<int>>(out.bytes()) == values);
    CHECK(aio::schema_hash<std::span<const int>>() == aio::schema_hash<std::vector<int>>());
}

TEST_CASE("codec: nesting beyond the limit is refused where it is written and where it is read") {
    Node root{0, {}, nullptr};
    Node* last = &root;
    for (int i = 0; i < 2000; ++i) {
        last->next = std::make_unique<Node>();
        last = last->next.get();
    }
    aio::ByteWriter out;
    CHECK_THROWS_AS(aio::encode(out, root), aio::EncodeError);

    aio::ByteWriter deep;
    for (int i = 0; i < 2000; ++i) {
        aio::encode(deep, 1);
        aio::encode(deep, std::uint32_t{0});
        aio::encode(deep, true);
    }
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<Node>(deep.bytes())), aio::DecodeError);
}

TEST_CASE("codec: values outside their type are refused") {
    const auto decode_bytes = []<class T>(std::initializer_list<unsigned char> bytes, T) {
        const std::vector<unsigned char> data(bytes);
        static_cast<void>(aio::decode_all<T>(std::as_bytes(std::span(data))));
    };
    CHECK_THROWS_AS(decode_bytes({2}, false), aio::DecodeError);
    CHECK_THROWS_AS(decode_bytes({7}, Switch::on), aio::DecodeError);
    CHECK_THROWS_AS(decode_bytes({2, 1, 1, 1, 1}, std::optional<int>()), aio::DecodeError);
    CHECK_THROWS_AS(decode_bytes({3, 0}, std::variant<int, bool>()), aio::DecodeError);
    CHECK_THROWS_AS(decode_bytes({255, 255, 255, 255, 1}, std::string()), aio::DecodeError);
    CHECK_THROWS_AS(decode_bytes({255, 255, 255, 255, 1}, std::vector<Empty>()), aio::DecodeError);
    CHECK_THROWS_AS(decode_bytes({2, 0, 0, 0, 1, 1}, std::set<char>()), aio::DecodeError);
    CHECK_THROWS_AS(decode_bytes({1, 2}, 'c'), aio::DecodeError);
    CHECK_THROWS_WITH_AS(decode_bytes({1, 2}, 'c'), "1 bytes left over after the value", aio::DecodeError);
}

TEST_CASE("codec: an unknown error category is refused until it is registered") {
    class Category : public std::error_category {
    public:
        [[nodiscard]] const char* name() const noexcept override { return "codec-test"; }
        [[nodiscard]] std::string message(int) const override { return "test"; }
    };
    static const Category category;
    aio::ByteWriter out;
    CHECK_THROWS_AS(aio::encode(out, std::error_code(3, category)), aio::EncodeError);
    aio::register_error_category(category);
    check_round_trip(std::error_code(3, category));
}

TEST_CASE("codec: input cut off at any byte is an error") {
    aio::ByteWriter out;
    aio::encode(out, make_big());
    const auto bytes = out.bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        const std::vector<std::byte> prefix(bytes.begin(),
                                            bytes.begin() + static_cast<std::ptrdiff_t>(length));
        CHECK_THROWS_AS(static_cast<void>(aio::decode_all<Big>(prefix)), aio::DecodeError);
    }
}

namespace {

/// An allocator that fails the test's count when one request exceeds the limit set.
struct AllocationLimit {
    static inline std::size_t largest = 0;
};

template <class T>
struct WatchingAllocator {
    using value_type = T;
    WatchingAllocator() = default;
    template <class U>
    WatchingAllocator(const WatchingAllocator<U>&) {}
    T* allocate(std::size_t n) {
        AllocationLimit::largest = std::max(AllocationLimit::largest, n * sizeof(T));
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) { std::allocator<T>().deallocate(p, n); }
    bool operator==(const WatchingAllocator&) const = default;
};

struct Wide {
    std::vector<std::string> strings;
    std::array<double, 16> doubles{};
};

} // namespace

TEST_CASE("codec: a short message cannot make the decoder allocate more than its own size") {
    using Watched = std::vector<Wide, WatchingAllocator<Wide>>;
    std::vector<std::byte> bytes(4096, std::byte{0});
    const auto announce = static_cast<std::uint32_t>((bytes.size() - 4) / (4 + 128));
    std::memcpy(bytes.data(), &announce, sizeof announce);
    bytes[4 + 132 - 1] = std::byte{0xFF};
    std::memset(bytes.data() + 4 + 132, 0xFF, 4);
    AllocationLimit::largest = 0;
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<Watched>(bytes)), aio::DecodeError);
    CHECK(AllocationLimit::largest <= bytes.size());

    using WatchedString = std::basic_string<char, std::char_traits<char>, WatchingAllocator<char>>;
    const std::uint32_t huge = 0x7FFFFFFF;
    std::memcpy(bytes.data(), &huge, sizeof huge);
    AllocationLimit::largest = 0;
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<WatchedString>(bytes)), aio::DecodeError);
    CHECK(AllocationLimit::largest == 0);
}

TEST_CASE("codec: random corruption is an error or a value, never a crash") {
    aio::ByteWriter out;
    aio::encode(out, make_big());
    const std::vector<std::byte> original(out.bytes().begin(), out.bytes().end());
    std::mt19937 random(20240607); // NOLINT: the same sequence in every run
    int refused = 0;
    for (int round = 0; round < 5000; ++round) {
        std::vector<std::byte> mutant = original;
        const int changes = 1 + static_cast<int>(random() % 4);
        for (int i = 0; i < changes; ++i) {
            mutant[random() % mutant.size()] = static_cast<std::byte>(random() & 0xFFU);
        }
        try {
            const Big decoded = aio::decode_all<Big>(mutant);
            aio::ByteWriter again;
            aio::encode(again, decoded);
            CHECK(again.size() <= original.size());
        } catch (const aio::DecodeError&) {
            ++refused;
        }
    }
    CHECK(refused > 100);
}

TEST_CASE("codec: the schema hash follows structure and not names") {
    struct Renamed {
        int first;
        double second;
    };
    struct Swapped {
        double x;
        int y;
    };
    using aio::schema_hash;
    CHECK(schema_hash<Point>() == schema_hash<Renamed>());
    CHECK(schema_hash<Point>() != schema_hash<Swapped>());
    CHECK(schema_hash<int>() != schema_hash<unsigned>());
    CHECK(schema_hash<std::int32_t>() != schema_hash<std::int64_t>());
    CHECK(schema_hash<std::int32_t>() != schema_hash<float>());
    CHECK(schema_hash<std::vector<int>>() != schema_hash<std::set<int>>());
    CHECK(schema_hash<std::array<int, 2>>() != schema_hash<std::array<int, 3>>());
    CHECK(schema_hash<std::chrono::seconds>() != schema_hash<std::chrono::milliseconds>());
    CHECK(schema_hash<std::tuple<int, std::tuple<int>>>() != schema_hash<std::tuple<int, int>>());
    CHECK(schema_hash<Node>() != schema_hash<Point>());
    CHECK(schema_hash<std::variant<int, float>>() != schema_hash<std::variant<float, int>>());
}
