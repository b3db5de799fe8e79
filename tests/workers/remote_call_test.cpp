#include <aio/workers/remote_call.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <numeric>

namespace {

int sum_of(const std::vector<int>& values) { return std::accumulate(values.begin(), values.end(), 0); }

std::size_t length_of(std::string_view text) noexcept { return text.size(); }

int calls = 0;
void count_call() { ++calls; }

struct Scale {
    double factor;
    std::vector<double> operator()(std::vector<double> values) const {
        for (double& value : values) {
            value *= factor;
        }
        return values;
    }
};

struct Stateless {
    int operator()(int x) { return x + 1; }
};

class Private {
public:
    explicit Private(int secret) : secret_(secret) {}
    int operator()() const { return secret_; }
    [[nodiscard]] int secret() const { return secret_; }

private:
    int secret_;
};

struct Noncopyable {
    std::unique_ptr<int> value;
};

template <class F, class... Args>
aio::call_result_t<F, Args...> call_through_bytes(const F& f, const Args&... args) {
    aio::ByteWriter call;
    aio::encode_call(call, f, args...);
    aio::ByteWriter result;
    aio::execute_call(call.bytes(), result);
    return aio::decode_result<aio::call_result_t<F, Args...>>(result.bytes());
}

} // namespace

template <>
struct aio::Codec<Private> {
    static void encode(aio::ByteWriter& out, const Private& value) { aio::encode(out, value.secret()); }
    static Private decode(aio::ByteReader& in) { return Private(aio::decode<int>(in)); }
};

TEST_CASE("remote call: functions are called with their arguments") {
    CHECK(call_through_bytes(sum_of, std::vector<int>{1, 2, 3}) == 6);
    CHECK(call_through_bytes(&sum_of, std::vector<int>{}) == 0);
    CHECK(call_through_bytes(length_of, std::string("four")) == 4);
    calls = 0;
    call_through_bytes(count_call);
    CHECK(calls == 1);
}

TEST_CASE("remote call: text and views arrive as what owns their elements") {
    CHECK(call_through_bytes(length_of, "literal") == 7);
    const char* pointer = "pointer";
    CHECK(call_through_bytes(length_of, pointer) == 7);
    CHECK(call_through_bytes(length_of, std::string_view("view")) == 4);
    const std::vector<int> values{4, 5};
    CHECK(call_through_bytes(sum_of, std::span<const int>(values)) == 9);
}

TEST_CASE("remote call: captureless lambdas and empty functors are called") {
    CHECK(call_through_bytes([](int a, int b) { return a * b; }, 6, 7) == 42);
    CHECK(call_through_bytes([] { return std::string("nothing in"); }) == "nothing in");
    CHECK(call_through_bytes(Stateless{}, 1) == 2);
    const auto one = [](int x) { return x + 1; };
    const auto two = [](int x) { return x + 2; };
    CHECK(call_through_bytes(one, 1) == 2);
    CHECK(call_through_bytes(two, 1) == 3);
}

TEST_CASE("remote call: functors carry their fields") {
    CHECK(call_through_bytes(Scale{2.0}, std::vector<double>{1, 2}) == std::vector<double>{2, 4});
    CHECK(call_through_bytes(Private(42)) == 42);
}

TEST_CASE("remote call: what cannot be moved but by reference, and what cannot be copied") {
    const auto read = [](Noncopyable box) { return Noncopyable{std::make_unique<int>(*box.value + 1)}; };
    CHECK(*call_through_bytes(read, Noncopyable{std::make_unique<int>(1)}).value == 2);
}

TEST_CASE("remote call: exceptions of the function pass through") {
    const auto fail = [](int code) -> int { throw code; };
    CHECK_THROWS_AS(call_through_bytes(fail, 3), int);
}

TEST_CASE("remote call: a null function is refused and leaves the buffer as it was") {
    int (*const nothing)(int) = nullptr;
    aio::ByteWriter out;
    aio::encode(out, 7);
    CHECK_THROWS_AS(aio::encode_call(out, nothing, 1), aio::ValueError);
    CHECK_THROWS_AS(aio::encode_call(out, length_of, static_cast<const char*>(nullptr)), aio::ValueError);
    CHECK(out.size() == sizeof(int));
}

TEST_CASE("remote call: a call with another signature is refused before the function runs") {
    aio::ByteWriter call;
    aio::encode_call(call, count_call);
    std::vector<std::byte> bytes = call.take();
    bytes[16] ^= std::byte{1};
    calls = 0;
    aio::ByteWriter out;
    CHECK_THROWS_AS(aio::execute_call(bytes, out), aio::RuntimeError);
    CHECK(calls == 0);
}

TEST_CASE(
    "remote call: a call cut off at any byte or with bytes left over is refused before the function runs") {
    static int ran = 0;
    ran = 0;
    aio::ByteWriter call;
    aio::encode_call(
        call, [](const std::string& text, int number) { ran += static_cast<int>(text.size()) + number; },
        "text", 5);
    std::vector<std::byte> bytes = call.take();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        aio::ByteWriter out;
        CHECK_THROWS_AS(aio::execute_call(std::span(bytes).first(length), out), aio::DecodeError);
    }
    bytes.push_back(std::byte{0});
    aio::ByteWriter out;
    CHECK_THROWS_AS(aio::execute_call(bytes, out), aio::DecodeError);
    CHECK(ran == 0);
}

TEST_CASE("remote call: what cannot be transferred is known at compile time") {
    using aio::Transferable;
    int local = 1;
    const auto by_value = [local] { return local; };
    const auto by_reference = [&local] { return local; };
    const auto takes_pointer = [](int* p) { return *p; };
    const auto takes_reference = [](std::string& text) { return text.size(); };
    const auto returns_view = [](const std::string& text) { return std::string_view(text); };
    const auto returns_reference = [](const std::string&) -> int& { return calls; };
    const auto plain = [](int x) { return x; };
    CHECK(Transferable<decltype(plain), int>);
    CHECK(Transferable<decltype(sum_of), std::vector<int>>);
    CHECK(Transferable<decltype(&sum_of), std::vector<int>&>);
    CHECK(Transferable<Scale, std::vector<double>>);
    CHECK(!Transferable<decltype(by_value)>);
    CHECK(!Transferable<decltype(by_reference)>);
    CHECK(!Transferable<decltype(takes_pointer), int*>);
    CHECK(!Transferable<decltype(takes_reference), std::string>);
    CHECK(!Transferable<decltype(returns_view), std::string>);
    CHECK(!Transferable<decltype(returns_reference), std::string>);
    CHECK(!Transferable<decltype(plain), std::string>);
    CHECK(!Transferable<decltype(plain)>);
    CHECK(!Transferable<std::function<int()>>);
    CHECK(!Transferable<std::nullptr_t>);
    CHECK(!Transferable<int (Private::*)() const, Private>);
}
