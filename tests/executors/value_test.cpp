#include <aio/executors/interpreters/value.hpp>

#include <doctest/doctest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace {

using aio::ConversionError;
using aio::Value;
using namespace std::chrono_literals;

enum class Colour : std::uint8_t { red, green, blue };
enum class Switch : bool { off, on };

struct Point {
    int x = 0;
    double y = 0;
    bool operator==(const Point&) const = default;
};
struct Job {
    std::string name;
    std::vector<Point> points;
    std::optional<int> limit;
    Value extra;
    bool operator==(const Job&) const = default;
};
struct Tree {
    int value = 0;
    std::vector<Tree> children;
    bool operator==(const Tree&) const = default;
};
struct Nothing {
    bool operator==(const Nothing&) const = default;
};
struct Pointing {
    int* address = nullptr;
};
struct Viewing {
    std::string_view text;
};

/// What has a representation of the program's choice.
class Money {
public:
    explicit Money(std::int64_t cents) : cents_(cents) {}
    [[nodiscard]] std::int64_t cents() const { return cents_; }
    bool operator==(const Money&) const = default;

private:
    std::int64_t cents_;
};
/// A plain struct, and still of the program's choice.
struct Version {
    int major = 0;
    int minor = 0;
    bool operator==(const Version&) const = default;
};

template <class T>
T round_trip(const T& value) {
    return Value::of(value).template as<T>();
}

template <class F>
std::string message_of(F function) {
    try {
        function();
    } catch (const ConversionError& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

template <>
struct aio::ValueCodec<Money> {
    static std::int64_t to_value(const Money& money) { return money.cents(); }
    static Money from_value(std::int64_t cents) {
        if (cents < 0) throw ConversionError("money is not negative");
        return Money(cents);
    }
};
template <>
struct aio::ValueCodec<Version> {
    static std::string to_value(const Version& v) {
        return std::to_string(v.major) + "." + std::to_string(v.minor);
    }
    static Version from_value(const std::string& text) {
        const auto dot = text.find('.');
        return Version{std::stoi(text.substr(0, dot)), std::stoi(text.substr(dot + 1))};
    }
};

TEST_CASE("a Value knows what it is") {
    CHECK(Value().is_nil());
    CHECK(Value(nullptr).is_nil());
    CHECK(Value(true).is_bool());
    CHECK(Value(1).is_integer());
    CHECK(Value(1).is_number());
    CHECK(Value(1U).is_integer());
    CHECK(Value(1.5F).is_float());
    CHECK(Value(1.5).is_number());
    CHECK(Value("text").is_string());
    CHECK(Value(std::string_view("text")).text() == "text");
    CHECK(Value(Value::Array{1, "two"}).is_table());
    CHECK(Value(Value::Fields{{"a", 1}}).is_table());
    CHECK_FALSE(Value(0).is_bool());
}

TEST_CASE("a table gives its elements and fields, and nil for what it does not have") {
    const Value table(Value::Array{10, "x"}, Value::Fields{{"name", "n"}, {std::int64_t{7}, true}});
    CHECK(table[0] == 10);
    CHECK(table[1] == "x");
    CHECK(table[2].is_nil());
    CHECK(table["name"] == "n");
    CHECK(table["other"].is_nil());
    CHECK(table.fields().at(std::int64_t{7}) == true);
    CHECK(message_of([] { return Value(5)["name"].is_nil(); }) == "expected a table, got the integer 5");
    CHECK(message_of([] { return Value(5).text(); }) == "expected a string, got the integer 5");
}

TEST_CASE("copies of a Value are deep, and a moved one is nil") {
    Value table(Value::Array{1, Value(Value::Array{2})});
    Value copy = table;
    copy.array()[1].array()[0] = 3;
    CHECK(table[1][0] == 2);
    CHECK(copy[1][0] == 3);
    Value moved = std::move(copy);
    CHECK(copy.is_nil()); // NOLINT: that is what is tested
    CHECK(moved[1][0] == 3);
    moved = Value(moved.array()[1]);
    CHECK(moved == Value(Value::Array{3}));
    moved = std::move(moved.array()[0]);
    CHECK(moved == 3);
}

TEST_CASE("Values compare as in Lua, tables by their contents") {
    CHECK(Value(1) == Value(1.0));
    CHECK(Value(1) != Value(1.5));
    CHECK(Value((std::int64_t{1} << 53) + 1) != Value(9007199254740992.0));
    CHECK(Value(std::numeric_limits<std::int64_t>::max()) != Value(9223372036854775808.0));
    CHECK(Value(std::nan("")) != Value(std::nan("")));
    CHECK(Value(1) != Value("1"));
    CHECK(Value(0) != Value(false));
    CHECK(Value() == Value());
    CHECK(Value(Value::Array{1, 2}) == Value(Value::Array{1.0, 2}));
    CHECK(Value(Value::Fields{{"a", 1}}) != Value(Value::Fields{{"a", 2}}));
}

TEST_CASE("a Value prints as Lua source would write it") {
    std::ostringstream out;
    out << Value(Value::Array{nullptr, true, -3, 2.0, 0.1, 1e100, "a\"b\n\x01"},
                 Value::Fields{{"name", 1}, {"two words", 2}, {std::int64_t{-1}, Value(Value::Array{})}});
    CHECK(out.str() ==
          "{nil, true, -3, 2.0, 0.1, 1e+100, \"a\\\"b\\n\\x01\", [-1] = {}, name = 1, [\"two words\"] = 2}");
    CHECK(to_string(Value("x")) == "\"x\"");
}

TEST_CASE("numbers convert when they fit, and the error names number and type when they do not") {
    CHECK(round_trip(std::numeric_limits<std::int64_t>::min()) == std::numeric_limits<std::int64_t>::min());
    CHECK(round_trip(std::numeric_limits<std::int64_t>::max()) == std::numeric_limits<std::int64_t>::max());
    CHECK(round_trip<std::uint8_t>(255) == 255);
    CHECK(round_trip<std::int8_t>(-128) == -128);
    CHECK(round_trip(1.5F) == 1.5F);
    CHECK(round_trip(2.5L) == 2.5L);
    CHECK(Value(3.0).as<int>() == 3);
    CHECK(Value(3).as<double>() == 3.0);
    CHECK(std::isinf(Value(std::numeric_limits<double>::infinity()).as<float>()));

    CHECK(message_of([] { return Value(3000000000).as<int>(); }) ==
          "the integer 3000000000 does not fit the type 'int'");
    CHECK(message_of([] { return Value(-1).as<unsigned>(); }) ==
          "the integer -1 does not fit the type 'unsigned int'");
    CHECK(message_of([] { return Value(256.0).as<std::uint8_t>(); }) ==
          "the integer 256 does not fit the type 'unsigned char'");
    CHECK(message_of([] { return Value(1e300).as<float>(); }) ==
          "the number 1e+300 does not fit the type 'float'");
    CHECK(message_of([] { return Value(1.5).as<int>(); }) == "expected an integer, got the number 1.5");
    CHECK(message_of([] { return Value(std::nan("")).as<int>(); }) ==
          "expected an integer, got the number nan");
    CHECK(message_of([] { return Value(9223372036854775808.0).as<std::int64_t>(); }) ==
          "expected an integer, got the number 9223372036854775808.0");
    CHECK(message_of([] { return Value::of(std::numeric_limits<std::uint64_t>::max()); }) ==
          "the integer 18446744073709551615 does not fit an integer of Lua, which is at most "
          "9223372036854775807");
}

TEST_CASE("nothing is guessed: strings are no numbers, numbers no booleans") {
    CHECK(message_of([] { return Value("12").as<int>(); }) == "expected an integer, got the string '12'");
    CHECK(message_of([] { return Value(12).as<std::string>(); }) == "expected a string, got the integer 12");
    CHECK(message_of([] { return Value(1).as<bool>(); }) == "expected a boolean, got the integer 1");
    CHECK(message_of([] { return Value().as<bool>(); }) == "expected a boolean, got nil");
    CHECK(message_of([] { return Value("x").as<std::vector<int>>(); }) ==
          "expected a table, got the string 'x'");
    CHECK(message_of([] { return Value(true).as<double>(); }) == "expected a number, got the boolean true");
}

TEST_CASE("single values of every kind go both ways") {
    CHECK(round_trip(true));
    CHECK(round_trip('x') == 'x');
    CHECK(round_trip(std::string("a\0b", 3)) == std::string("a\0b", 3));
    CHECK(round_trip(Colour::blue) == Colour::blue);
    CHECK(round_trip(Switch::on) == Switch::on);
    CHECK(round_trip(std::filesystem::path("a/b.txt")) == "a/b.txt");
    CHECK(round_trip(1500ms) == 1500ms);
    CHECK(round_trip(std::chrono::duration<double>(0.25)).count() == 0.25);
    CHECK(round_trip(-7h) == -7h);
    CHECK(round_trip(std::optional<int>(5)) == 5);
    CHECK(round_trip(std::optional<int>()) == std::nullopt);
    CHECK(round_trip(nullptr) == nullptr);
    CHECK(round_trip(std::monostate()) == std::monostate());
    CHECK(round_trip(std::vector<std::byte>{std::byte{0}, std::byte{255}}) ==
          std::vector<std::byte>{std::byte{0}, std::byte{255}});

    CHECK(Value::of("literal") == "literal");
    CHECK(Value::of(std::string_view("view")) == "view");
    CHECK(Value::of(90s) == 90.0);
    CHECK(Value::of(std::variant<int, std::string>("x")) == "x");
    CHECK(Value::of(std::nullopt).is_nil());

    CHECK(message_of([] { return Value(256).as<Colour>(); }).find("does not fit the type") !=
          std::string::npos);
    CHECK(message_of([] { return Value(2).as<Switch>(); }).find("does not fit the type") !=
          std::string::npos);
    CHECK(message_of([] { return Value(1e300).as<std::chrono::nanoseconds>(); }).find("does not fit") !=
          std::string::npos);
    CHECK(message_of([] { return Value(std::nan("")).as<std::chrono::seconds>(); }).find("does not fit") !=
          std::string::npos);
    CHECK(message_of([] { return Value("xy").as<char>(); }) ==
          "expected a string of one byte, got the string 'xy'");
    CHECK(message_of([] { return Value::of(static_cast<const char*>(nullptr)); }) ==
          "a null pointer to characters is no string");
}

TEST_CASE("sequences and sets go both ways") {
    CHECK(round_trip(std::vector<int>{1, 2, 3}) == std::vector<int>{1, 2, 3});
    CHECK(round_trip(std::vector<bool>{true, false}) == std::vector<bool>{true, false});
    CHECK(round_trip(std::deque<std::string>{"a", "b"}) == std::deque<std::string>{"a", "b"});
    CHECK(round_trip(std::list<double>{1.5}) == std::list<double>{1.5});
    CHECK(round_trip(std::set<int>{3, 1}) == std::set<int>{1, 3});
    CHECK(round_trip(std::unordered_set<std::string>{"a"}) == std::unordered_set<std::string>{"a"});
    CHECK(round_trip(std::array<int, 2>{4, 5}) == std::array<int, 2>{4, 5});
    CHECK(round_trip(std::array<int, 0>{}).empty());
    CHECK(round_trip(std::vector<std::vector<int>>{{1}, {}, {2, 3}}) ==
          std::vector<std::vector<int>>{{1}, {}, {2, 3}});
    CHECK(round_trip(std::vector<std::optional<int>>{1, std::nullopt, 3}) ==
          std::vector<std::optional<int>>{1, std::nullopt, 3});
    CHECK(Value(Value::Array{1, 1, 2}).as<std::set<int>>() == std::set<int>{1, 2});
    const std::array numbers{7, 8};
    CHECK(Value::of(std::span(numbers)) == Value(Value::Array{7, 8}));
    CHECK(Value::of(std::as_bytes(std::span(std::string_view("ab")))) == "ab");

    CHECK(message_of([] { return Value(Value::Fields{{"x", 1}}).as<std::vector<int>>(); }) ==
          "expected a sequence, got a table with the key string 'x'");
    CHECK(message_of([] { return Value(Value::Array{1, 2, 3}).as<std::array<int, 2>>(); }) ==
          "expected a table of 2 values, got one of 3");
    CHECK(message_of([] { return Value(Value::Array{1}).as<std::array<int, 2>>(); }) ==
          "at [2]: expected an integer, got nil");
}

TEST_CASE("maps go both ways") {
    using Ages = std::map<std::string, int>;
    CHECK(round_trip(Ages{{"ann", 3}, {"bob", 4}}) == Ages{{"ann", 3}, {"bob", 4}});
    CHECK(round_trip(std::unordered_map<int, std::string>{{-5, "x"}}) ==
          std::unordered_map<int, std::string>{{-5, "x"}});
    CHECK(round_trip(std::map<Colour, int>{{Colour::green, 1}}) == std::map<Colour, int>{{Colour::green, 1}});
    CHECK(Value(Value::Array{"a", "b"}).as<std::map<int, std::string>>() ==
          std::map<int, std::string>{{1, "a"}, {2, "b"}});

    CHECK(message_of([] { return Value(Value::Array{1}).as<Ages>(); }) ==
          "at [1]: expected a string, got the integer 1");
    CHECK(message_of([] { return Value(Value::Fields{{"ann", "x"}}).as<Ages>(); }) ==
          "at .ann: expected an integer, got the string 'x'");
}

TEST_CASE("structs, pairs and tuples go both ways, as their fields in order") {
    CHECK(Value::of(Point{1, 2.5}) == Value(Value::Array{1, 2.5}));
    CHECK(round_trip(std::pair(1, std::string("x"))) == std::pair(1, std::string("x")));
    CHECK(round_trip(std::tuple(true, 2, 3.5)) == std::tuple(true, 2, 3.5));
    CHECK(round_trip(std::tuple<>()) == std::tuple<>());
    CHECK(round_trip(Nothing{}) == Nothing{});
    CHECK(round_trip(Tree{1, {Tree{2, {}}, Tree{3, {Tree{4, {}}}}}}) ==
          Tree{1, {Tree{2, {}}, Tree{3, {Tree{4, {}}}}}});
    const Job job{"n", {Point{1, 2}, Point{3, 4}}, std::nullopt, Value("more")};
    CHECK(round_trip(job) == job);
    // As they come from Lua, where a field that is nil leaves a gap.
    CHECK(Value(Value::Array{"n", Value(Value::Array{})}, Value::Fields{{std::int64_t{4}, 9}}).as<Job>() ==
          Job{"n", {}, std::nullopt, 9});
    CHECK(Value(Value::Array{"n", Value(Value::Array{})}).as<Job>() == Job{"n", {}, std::nullopt, Value()});

    CHECK(message_of([] {
              return Value(Value::Array{"n", Value(Value::Array{Value(Value::Array{1, "bad"})})}).as<Job>();
          }) == "at [2][1][2]: expected a number, got the string 'bad'");
    CHECK(message_of([] { return Value(Value::Fields{{std::int64_t{9}, 1}}).as<Point>(); }) ==
          "expected a sequence, got a table with the key integer 9");
}

TEST_CASE("a type of the program is what its ValueCodec says") {
    CHECK(Value::of(Money(250)) == 250);
    CHECK(round_trip(Money(250)) == Money(250));
    CHECK(round_trip(std::vector<Money>{Money(1)}) == std::vector<Money>{Money(1)});
    CHECK(Value::of(Version{1, 2}) == "1.2");
    CHECK(round_trip(Version{1, 2}) == Version{1, 2});
    CHECK(message_of([] { return Value(Value::Array{5, -5}).as<std::vector<Money>>(); }) ==
          "at [2]: money is not negative");
}

TEST_CASE("what cannot cross is known at compile time") {
    static_assert(aio::ValueInput<std::string_view> && !aio::ValueOutput<std::string_view>);
    static_assert(aio::ValueInput<const char*> && !aio::ValueOutput<const char*>);
    static_assert(aio::ValueInput<std::variant<int, bool>> && !aio::ValueOutput<std::variant<int, bool>>);
    static_assert(aio::ValueInput<Viewing> && !aio::ValueOutput<Viewing>);
    static_assert(!aio::ValueInput<int*> && !aio::ValueInput<Pointing> &&
                  !aio::ValueInput<std::vector<Pointing>>);
    static_assert(!aio::ValueInput<void (*)()> && !aio::ValueInput<std::map<double, int>> &&
                  !aio::ValueInput<wchar_t>);
    static_assert(aio::ValueOutput<Value> && aio::ValueOutput<Tree> && aio::ValueOutput<Job> &&
                  aio::ValueOutput<Money>);
    static_assert(!aio::ValueOutput<int&> && !aio::ValueOutput<const int> && !aio::ValueOutput<void>);
}

TEST_CASE("a value that is nested too deep is refused, and says where it begins") {
    Value deep(Value::Array{});
    for (int i = 0; i < 199; ++i) deep = Value(Value::Array{deep});
    CHECK(Value::of(deep) == deep);
    deep = Value(Value::Fields{{"in", deep}});
    const std::string message = message_of([&] { return Value::of(deep); });
    CHECK(message.starts_with("at .in[1][1]"));
    CHECK(message.ends_with("tables are nested deeper than 200 levels"));
}
