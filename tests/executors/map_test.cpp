#include <aio/executors/map.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <aio/executors/thread_pool.hpp>
#include <aio/structure/gather.hpp>

#include "support/conformance.hpp"
#include "support/loop_help.hpp"

namespace {

using namespace aio;
using namespace aio::test;

int square(int x) { return x * x; }

int picky(int x) {
    if (x % 3 == 0) throw std::out_of_range("bad " + std::to_string(x));
    return x;
}

/// All results as text, failures as what they say.
template <class R>
Coro<std::vector<std::string>> texts_of(MapResults<R> results) {
    std::vector<std::string> texts;
    bool more = true;
    while (more) {
        std::string text;
        try {
            const std::optional<R> value = co_await results.next();
            more = value.has_value();
            if (more) text = std::to_string(*value);
        } catch (...) {
            text = text_of(std::current_exception());
        }
        if (more) texts.push_back(text);
    }
    co_return texts;
}

template <class R>
Coro<std::vector<R>> values_of(MapResults<R> results) {
    std::vector<R> values;
    while (auto value = co_await results.next()) values.push_back(std::move(*value));
    co_return values;
}

/// Lets calls through one by one.
class Turnstile {
public:
    void open(int calls) { allowed_ += calls; }
    int operator()(int x) {
        while (entered_ >= allowed_) std::this_thread::yield();
        ++entered_;
        return x;
    }
    [[nodiscard]] int entered() const { return entered_; }

private:
    std::atomic<int> allowed_{0};
    std::atomic<int> entered_{0};
};

class Pass {
public:
    explicit Pass(Turnstile& t) : turnstile(&t) {}
    int operator()(int x) const { return (*turnstile)(x); }
    Turnstile* turnstile;
};

/// Blocks until the gate of a conformance test opens.
class Block {
public:
    explicit Block(Gate::Blocker b) : blocker(std::move(b)) {}
    int operator()(int) const { return blocker(); }
    Gate::Blocker blocker;
};

} // namespace

TEST_CASE("rule 108: map gives results in the order of the items") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(3);
        const std::vector<int> numbers{1, 2, 3, 4, 5};
        const std::vector<int> squares = co_await values_of(map(threads, square, numbers));
        CHECK(squares == std::vector<int>{1, 4, 9, 16, 25});
        const std::vector<int> chunked =
            co_await values_of(map(threads, square, numbers, MapOptions().chunksize(2).buffersize(3)));
        CHECK(chunked == squares);
        const std::vector<int> in_default = co_await values_of(map(nullptr, square, numbers));
        CHECK(in_default == squares);
        const std::vector<int> none = co_await values_of(map(threads, square, std::vector<int>()));
        CHECK(none.empty());
    });
}

TEST_CASE("rule 108: an item that fails ends neither the others nor the iteration") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(2);
        for (const std::size_t chunk : {1U, 3U, 10U}) {
            const std::vector<std::string> texts =
                co_await texts_of(map(threads, picky, std::views::iota(1, 8), MapOptions().chunksize(chunk)));
            const std::vector<std::string> expected{"1", "2", "bad 3", "4", "5", "bad 6", "7"};
            CHECK(texts == expected);
        }
    });
}

TEST_CASE("rule 108: map takes no more items from the range than its buffersize") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(2);
        int taken = 0;
        auto numbers = std::views::iota(1) | std::views::transform([&taken](int x) {
                           ++taken;
                           return x;
                       });
        auto results = map(threads, square, numbers, MapOptions().buffersize(4));
        CHECK(taken == 4);
        for (int i = 1; i <= 10; ++i) {
            const std::optional<int> value = co_await results.next();
            CHECK(value == i * i);
            CHECK(taken == 4 + i);
        }
        CHECK_THROWS_AS(MapOptions().buffersize(0), ValueError);
        CHECK_THROWS_AS(MapOptions().chunksize(0), ValueError);
    });
}

TEST_CASE("rule 108: dropping the results cancels what has not started") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Turnstile turnstile;
        {
            ThreadPoolExecutor threads(1);
            std::optional<MapResults<int>> results =
                map(threads, Pass(turnstile), std::views::iota(0, 100), MapOptions().buffersize(50));
            turnstile.open(1);
            const std::optional<int> first = co_await results->next();
            CHECK(first == 0);
            results.reset();
            turnstile.open(1000);
        }
        // The one that ran when the results were dropped may have gone on.
        CHECK(turnstile.entered() <= 2);
    });
}

TEST_CASE("map: cancelled results are at their end") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Turnstile turnstile;
        {
            ThreadPoolExecutor threads(1);
            auto results = map(threads, Pass(turnstile), std::views::iota(0, 100));
            const auto read = [](MapResults<int>& from) -> Coro<bool> {
                const std::optional<int> value = co_await from.next();
                co_return value.has_value();
            };
            auto waiting = loop.create_task(read(results));
            co_await rounds(2);
            CHECK_FALSE(waiting.done());
            results.cancel();
            const bool got = co_await waiting;
            CHECK_FALSE(got);
            const std::optional<int> after = co_await results.next();
            CHECK_FALSE(after.has_value());
            turnstile.open(1000);
        }
        CHECK(turnstile.entered() <= 1);
    });
}

TEST_CASE("map: unordered results come as they are there, with their index") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(2);
        std::atomic<bool> go{false};
        const auto slow_first = [&go](int x) {
            while (x == 0 && !go) std::this_thread::yield();
            return 10 * x;
        };
        auto results = map(threads, slow_first, std::views::iota(0, 4), MapOptions().ordered(false));
        for (std::size_t i = 1; i < 4; ++i) {
            const auto item = co_await results.next_item();
            REQUIRE(item.has_value());
            CHECK(item->index() == i);
            CHECK(item->value() == static_cast<int>(10 * i));
        }
        go = true;
        const auto last = co_await results.next_item();
        CHECK(last->index() == 0);
        const auto end = co_await results.next_item();
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("map: several ranges, until the shortest ends; elements are moved out of a container moved in") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(2);
        const auto join = [](const std::string& word, int n) { return word + std::to_string(n); };
        const std::vector<std::string> words{"a", "b", "c"};
        const std::vector<std::string> joined =
            co_await values_of(map(threads, join, words, std::views::iota(1)));
        CHECK(joined == std::vector<std::string>{"a1", "b2", "c3"});
        CHECK(words[0] == "a");

        std::vector<std::unique_ptr<int>> owners;
        owners.push_back(std::make_unique<int>(5));
        const auto hand_on = [](std::unique_ptr<int> owner) { return owner; };
        auto results = map(threads, hand_on, std::move(owners));
        const auto owner = co_await results.next();
        REQUIRE(owner.has_value());
        CHECK(**owner == 5);
    });
}

TEST_CASE("map: calls without a result") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(2);
        std::atomic<int> sum{0};
        const auto add = [&sum](int x) { sum += x; };
        auto results = map(threads, add, std::views::iota(1, 5));
        int count = 0;
        while (co_await results.next()) ++count;
        CHECK(count == 4);
        CHECK(sum == 10);
    });
}

TEST_CASE("map: an error of the range comes after the results of the items before it") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(2);
        auto numbers = std::views::iota(1) | std::views::transform([](int x) {
                           if (x == 3) throw std::runtime_error("the range");
                           return x;
                       });
        const std::vector<std::string> texts = co_await texts_of(map(threads, square, numbers));
        CHECK(texts == std::vector<std::string>{"1", "4", "the range"});
    });
}

TEST_CASE("map: after shutdown of the executor the end is an error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(1);
        auto results = map(threads, square, std::views::iota(1), MapOptions().buffersize(1));
        threads.shutdown();
        const std::optional<int> first = co_await results.next();
        CHECK(first == 1);
        const std::string error = co_await outcome(results.next());
        CHECK(error.find("shutdown") != std::string::npos);
        const std::optional<int> end = co_await results.next();
        CHECK_FALSE(end.has_value());
    });
}

TEST_CASE("map: reads no further ahead than it must from a range that is a stream") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ThreadPoolExecutor threads(1);
        std::istringstream input("1 2 3 4");
        auto results =
            map(threads, square, std::ranges::istream_view<int>(input), MapOptions().buffersize(1));
        const std::optional<int> first = co_await results.next();
        CHECK(first == 1);
        results.cancel();
        int rest = 0;
        input >> rest;
        CHECK(rest == 3);
    });
}

TEST_CASE("map: several tasks read the results, each item goes to one of them") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        ThreadPoolExecutor threads(2);
        auto results = map(threads, square, std::views::iota(1, 101), MapOptions().buffersize(1));
        const auto sum_up = [](MapResults<int>& from) -> Coro<int> {
            int sum = 0;
            while (auto value = co_await from.next()) sum += *value;
            co_return sum;
        };
        auto one = loop.create_task(sum_up(results));
        auto two = loop.create_task(sum_up(results));
        const int first = co_await one;
        const int second = co_await two;
        CHECK(first + second == 338350);
    });
}

TEST_CASE("rule 82: the results of a map belong to its loop") {
    ThreadPoolExecutor threads(1);
    TestLoop first;
    std::optional<MapResults<int>> results;
    const auto begin = [](ThreadPoolExecutor& pool, std::optional<MapResults<int>>& to) -> Coro<> {
        to.emplace(map(pool, square, std::views::iota(1, 3)));
        co_return;
    };
    first.loop.run_until_complete(begin(threads, results));
    run_in_loop([&](EventLoop&) -> Coro<> {
        const std::string error = co_await outcome(results->next());
        CHECK(error.find("another event loop") != std::string::npos);
    });
    CHECK_THROWS_AS(static_cast<void>(map(threads, square, std::views::iota(1, 3))), RuntimeError);
}

TEST_CASE("map: results may be dropped after their loop has gone, with calls that run") {
    Turnstile turnstile;
    ThreadPoolExecutor threads(1);
    std::optional<MapResults<int>> results;
    {
        TestLoop test;
        const auto begin = [&]() -> Coro<> {
            results.emplace(map(threads, Pass(turnstile), std::views::iota(0, 10)));
            co_return;
        };
        test.loop.run_until_complete(begin());
    }
    results.reset();
    turnstile.open(10);
    threads.shutdown();
    CHECK(turnstile.entered() <= 2);
}

TEST_CASE("map: calls that the executor cancels are cancelled items") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Turnstile turnstile;
        ThreadPoolExecutor threads(1);
        auto results = map(threads, Pass(turnstile), std::views::iota(0, 2));
        threads.shutdown(false, true);
        turnstile.open(2);
        int cancelled = 0;
        while (auto item = co_await results.next_item())
            cancelled += item->failed_with<CancelledError>() ? 1 : 0;
        CHECK(cancelled >= 1);
    });
}

TEST_CASE("conformance: map") {
    check_conformance("MapResults.next", std::optional<int>(7), [](Gate& gate) {
        return map(gate.pool(), Block(gate.blocker()), std::views::iota(0, 1)).next();
    });
    check_conformance("MapResults.next_item", true, [](Gate& gate) -> Coro<bool> {
        const auto read = [](MapResults<int> results) -> Coro<bool> {
            const auto item = co_await results.next_item();
            co_return item.has_value() && item->value() == 7;
        };
        return read(map(gate.pool(), Block(gate.blocker()), std::views::iota(0, 1)));
    });
}

#if AIO_HAVE_LUA

TEST_CASE("map: a Lua function in an interpreter pool") {
    run_in_loop([](EventLoop&) -> Coro<> {
        InterpreterPoolExecutor interpreters(2);
        const auto doubled = lua<int>("local x = ... if x == 2 then error('two') end return 2 * x");
        auto results = map(interpreters, doubled, std::views::iota(1, 4));
        const std::optional<int> first = co_await results.next();
        CHECK(first == 2);
        const std::string second = co_await outcome(results.next());
        CHECK(second.find("two") != std::string::npos);
        const std::optional<int> third = co_await results.next();
        CHECK(third == 6);
    });
}

#endif
