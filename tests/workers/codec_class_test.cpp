#include <aio/workers/codec.hpp>

#include <doctest/doctest.h>

#include <bitset>
#include <complex>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace {

template <class T>
T sent(const T& value) {
    aio::ByteWriter out;
    aio::encode(out, value);
    const auto bytes = out.bytes();
    for (std::size_t length = 0; length < bytes.size(); ++length)
        CHECK_THROWS_AS(static_cast<void>(aio::decode_all<T>(bytes.first(length))), aio::DecodeError);
    return aio::decode_all<T>(bytes);
}

class Entity {
public:
    Entity() = default;
    explicit Entity(int number) : id(number) {}
    virtual ~Entity() = default;
    Entity(const Entity&) = default;
    Entity& operator=(const Entity&) = default;
    int id = 0;
};

/// Private parts, a base, and a default constructor that only the codec may call.
class Account : public Entity {
public:
    Account(int number, std::string owner, std::vector<Account> parts)
        : Entity(number), owner_(std::move(owner)), parts_(std::move(parts)) {}
    [[nodiscard]] const std::string& owner() const { return owner_; }
    [[nodiscard]] const std::vector<Account>& parts() const { return parts_; }
    int cached = 0;

private:
    friend aio::CodecAccess;
    Account() = default;
    std::string owner_;
    std::vector<Account> parts_;
    static constexpr auto aio_fields = std::tuple(&Account::id, &Account::owner_, &Account::parts_);
};

class Listed {
public:
    int a = 0;
    std::string b;
    static constexpr auto aio_fields() { return std::tuple(&Listed::a, &Listed::b); }
};
class More : public Listed {
public:
    int c = 0;
};
struct SameFields {
    int a;
    std::string b;
};

/// In the manner of cereal.
struct Note {
    int pitch = 0;
    double length = 0;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(pitch, length);
    }
    bool operator==(const Note&) const = default;
};

template <class T>
struct CerealPair {
    CerealPair(const char* n, T v) : name(n), value(v) {}
    const char* name;
    T value;
};
template <class Base>
struct CerealBaseClass {
    explicit CerealBaseClass(Base* base) : base_ptr(base) {}
    Base* base_ptr;
};
template <class T>
class BoostPair {
public:
    BoostPair(const char* n, T& v) : name_(n), value_(&v) {}
    [[nodiscard]] const char* name() const { return name_; }
    [[nodiscard]] T& value() const { return *value_; }

private:
    const char* name_;
    T* value_;
};

struct Shape {
    virtual ~Shape() = default;
    [[nodiscard]] virtual int sides() const = 0;
    std::string name;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(CerealPair<std::string&>("name", name));
    }
};
struct Square : Shape {
    [[nodiscard]] int sides() const override { return 4; }
    int width = 0;
    int corners[4] = {};
    std::vector<Square> inner;
    template <class Archive>
    void serialize(Archive& archive) {
        archive(CerealBaseClass<Shape>(this), width, corners, inner);
    }
};
struct Forgetful : Square {
    int extra = 0;
};

/// In the manner of Boost, with everything private.
class Tempo {
public:
    Tempo() = default;
    Tempo(int beats, Note note) : beats_(beats), note_(note) {}
    bool operator==(const Tempo&) const = default;
    unsigned seen = 0;

private:
    friend aio::CodecAccess;
    static constexpr unsigned aio_version = 3;
    template <class Archive>
    void serialize(Archive& archive, const unsigned int version) {
        archive & beats_& BoostPair<Note>("note", note_);
        if constexpr (Archive::is_loading::value) seen = version;
    }
    int beats_ = 0;
    Note note_;
};

struct Nothing {
    int unsent = 5;
    template <class Archive>
    void serialize(Archive&) {}
};

/// Comes back to itself without a container in between.
struct Chain {
    std::unique_ptr<Chain> next;
    template <class Archive>
    void serialize(Archive& archive) {
        bool more = next != nullptr;
        archive(more);
        if (!more) return;
        if (!next) next = std::make_unique<Chain>();
        archive(*next);
    }
};

/// A class template of a program's own, as std::expected.
template <class T, class E>
class Expected {
public:
    explicit Expected(std::variant<T, E> c) : content(std::move(c)) {}
    std::variant<T, E> content;
    bool operator==(const Expected&) const = default;
};

struct Linked {
    int value = 0;
    std::shared_ptr<Linked> next;
};

} // namespace

template <class T, class E>
struct aio::Codec<Expected<T, E>> {
    static void encode(aio::ByteWriter& out, const Expected<T, E>& value) { aio::encode(out, value.content); }
    static Expected<T, E> decode(aio::ByteReader& in) {
        return Expected<T, E>(aio::decode<std::variant<T, E>>(in));
    }
};

TEST_CASE("codec: a class is sent by the fields it lists, private and inherited ones too") {
    Account account(7, "ada", {});
    account = Account(8, "joan", {account, account});
    account.cached = 9;
    const Account copy = sent(account);
    CHECK(copy.id == 8);
    CHECK(copy.owner() == "joan");
    REQUIRE(copy.parts().size() == 2);
    CHECK(copy.parts()[1].owner() == "ada");
    CHECK(copy.parts()[1].id == 7);
    CHECK(copy.cached == 0);
}

TEST_CASE("codec: a list of fields may be a function, and has the schema of a struct of them") {
    Listed listed;
    listed.a = 4;
    listed.b = "four";
    CHECK(sent(listed).b == "four");
    CHECK(aio::schema_hash<Listed>() == aio::schema_hash<SameFields>());
}

TEST_CASE("codec: what a class inherits from its base does not speak for it") {
    CHECK(aio::Encodable<Listed>);
    CHECK_FALSE(aio::Encodable<More>);
    CHECK(aio::Encodable<Square>);
    CHECK_FALSE(aio::Encodable<Forgetful>);
}

TEST_CASE("codec: a serialize member in the manner of cereal is used as it is") {
    CHECK(sent(Note{60, 0.5}) == Note{60, 0.5});
    Square square;
    square.name = "outer";
    square.width = 3;
    square.corners[2] = 11;
    square.inner = {square};
    const Square copy = sent(square);
    CHECK(copy.name == "outer");
    CHECK(copy.width == 3);
    REQUIRE(copy.inner.size() == 1);
    CHECK(copy.inner[0].corners[2] == 11);
    CHECK(sent(std::vector<Note>(3, Note{1, 2})).size() == 3);
}

TEST_CASE("codec: a serialize member in the manner of Boost gets the class's version") {
    const Tempo tempo(120, Note{60, 0.25});
    Tempo copy = sent(tempo);
    CHECK(copy.seen == 3);
    copy.seen = 0;
    CHECK(copy == tempo);
    CHECK(aio::schema_hash<Tempo>() != aio::schema_hash<Note>());
}

TEST_CASE("codec: a serialize member that writes nothing still has a length") {
    CHECK(sent(std::vector<Nothing>(3)).size() == 3);
}

TEST_CASE("codec: a serialize member cannot nest without end") {
    aio::ByteWriter out;
    Chain chain;
    Chain* last = &chain;
    for (unsigned i = 0; i < aio::max_codec_depth; ++i) last = (last->next = std::make_unique<Chain>()).get();
    CHECK_THROWS_AS(aio::encode(out, chain), aio::EncodeError);
    const std::vector<std::byte> endless(100'000, std::byte{1});
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<Chain>(endless)), aio::DecodeError);
    chain.next->next.reset();
    CHECK(sent(chain).next->next == nullptr);
}

TEST_CASE("codec: class templates of a program's own, by a partial specialisation") {
    using Result = Expected<std::vector<int>, std::string>;
    CHECK(sent(Result(std::string("no"))) == Result(std::string("no")));
    CHECK(sent(Result(std::vector<int>{1, 2})) == Result(std::vector<int>{1, 2}));
}

TEST_CASE("codec: complex numbers and bit sets") {
    CHECK(sent(std::complex<double>(1.5, -2)) == std::complex<double>(1.5, -2));
    std::bitset<19> bits;
    bits.set(0).set(7).set(8).set(18);
    CHECK(sent(bits) == bits);
    CHECK(sent(std::bitset<0>()) == std::bitset<0>());
    aio::ByteWriter out;
    aio::encode(out, std::array<std::uint8_t, 3>{0, 0, 0x08});
    CHECK_THROWS_AS(static_cast<void>(aio::decode_all<std::bitset<19>>(out.bytes())), aio::DecodeError);
    CHECK(aio::schema_hash<std::bitset<19>>() != aio::schema_hash<std::bitset<20>>());
}

TEST_CASE("codec: sets and maps in which a key comes more than once") {
    const std::multiset<int> set{1, 1, 2};
    CHECK(sent(set) == set);
    const std::unordered_multiset<std::string> words{"a", "a"};
    CHECK(sent(words) == words);
    const std::multimap<int, std::string> map{{1, "x"}, {1, "y"}};
    CHECK(sent(map) == map);
    const std::unordered_multimap<int, int> pairs{{1, 2}, {1, 3}};
    CHECK(sent(pairs) == pairs);
}

TEST_CASE("codec: a shared pointer arrives with an object of its own, and a cycle is an error") {
    const auto shared = std::make_shared<int>(5);
    const std::vector<std::shared_ptr<int>> twice{shared, shared, nullptr};
    const auto copy = sent(twice);
    CHECK(*copy[1] == 5);
    CHECK(copy[0] != copy[1]);
    CHECK(copy[2] == nullptr);
    CHECK(*sent(std::shared_ptr<const int>(shared)) == 5);

    const auto ring = std::make_shared<Linked>();
    ring->next = ring;
    aio::ByteWriter out;
    CHECK_THROWS_AS(aio::encode(out, ring), aio::EncodeError);
    ring->next.reset();
}
