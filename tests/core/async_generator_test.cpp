#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/async_generator.hpp>
#include <aio/core/async_iteration.hpp>
#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

AsyncGenerator<int> count_to(int n) {
    for (int i = 0; i < n; ++i) co_yield i;
}
AsyncGenerator<int> count_slowly(int n) {
    for (int i = 0; i < n; ++i) {
        co_await sleep(0s);
        co_yield i;
    }
}
/// Gives the items of the next inner one, down to the innermost.
AsyncGenerator<int> nested(int depth) {
    if (depth == 0) {
        co_yield 1;
        co_yield 2;
        co_return;
    }
    auto inner = nested(depth - 1);
    while (auto item = co_await inner.next()) co_yield *item + 1;
}
AsyncGenerator<int> fail_after(int n) {
    for (int i = 0; i < n; ++i) co_yield i;
    throw std::runtime_error("from the body");
}
AsyncGenerator<int> wait_on(Future<int> future, Tracer) {
    co_yield 1;
    const int n = co_await future;
    co_yield n;
}

ContextVar<int> variable("variable", 0);

#if defined(__OPTIMIZE__)
constexpr int many = 3'000'000;
#else
constexpr int many = 1'000'000;
#endif

} // namespace

TEST_CASE("async generator: gives its items in order, then its end for ever") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto generator = count_slowly(3);
        std::vector<int> seen;
        while (auto item = co_await generator.next()) seen.push_back(*item);
        CHECK(seen == std::vector<int>{0, 1, 2});
        CHECK_FALSE((co_await generator.next()).has_value());
        CHECK_FALSE((co_await generator.next()).has_value());
    });
}

TEST_CASE("async generator: nothing of the body runs before the first item is asked for") {
    int alive = 0;
    bool ran = false;
    const auto make = [&](Tracer) -> AsyncGenerator<int> {
        ran = true;
        co_yield 1;
    };
    {
        auto generator = make(Tracer(alive));
        CHECK(alive == 1);
    }
    CHECK(alive == 0);
    CHECK_FALSE(ran);
}

TEST_CASE("async generator: items that cannot be copied are moved, once, and die in time") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto make = []() -> AsyncGenerator<std::unique_ptr<int>> {
            co_yield std::make_unique<int>(1);
            auto two = std::make_unique<int>(2);
            co_yield std::move(two);
            CHECK(two == nullptr);
        };
        auto generator = make();
        auto first = co_await generator.next();
        auto second = co_await generator.next();
        CHECK(**first == 1);
        CHECK(**second == 2);
        CHECK_FALSE((co_await generator.next()).has_value());

        int alive = 0;
        const auto traced = [&]() -> AsyncGenerator<Tracer> {
            for (int i = 0; i < 3; ++i) co_yield Tracer(alive);
        };
        auto tracers = traced();
        int items = 0;
        while (auto item = co_await tracers.next()) {
            // The item, and the temporary in the expression at which the body stands.
            CHECK(alive == 2);
            ++items;
        }
        CHECK(items == 3);
        CHECK(alive == 0);
    });
}

TEST_CASE("async generator: items may be references, which come as pointers") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto make = [](std::vector<int>& from) -> AsyncGenerator<int&> {
            for (int& n : from) {
                co_yield n;
                co_await sleep(0s);
            }
        };
        std::vector<int> numbers = {1, 2, 3};
        auto generator = make(numbers);
        static_assert(std::is_same_v<await_result_t<decltype(generator.next())>, int*>);
        while (int* item = co_await generator.next()) *item *= 10;
        CHECK(numbers == std::vector<int>{10, 20, 30});
    });
}

TEST_CASE("async generator: an item may be made from what is yielded") {
    const std::vector<std::string> items = run_in_loop([](EventLoop&) -> Coro<std::vector<std::string>> {
        const auto make = []() -> AsyncGenerator<std::string> {
            co_yield "literal";
            const std::string kept = "kept";
            co_yield kept;
            co_yield std::string(3, 'x');
            CHECK(kept == "kept");
        };
        co_return co_await collect(make());
    });
    CHECK(items == std::vector<std::string>{"literal", "kept", "xxx"});
}

TEST_CASE("async generator: an exception of the body comes out of next, and is the end") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto generator = fail_after(1);
        CHECK(co_await outcome(generator.next()) == "value");
        CHECK(co_await outcome(generator.next()) == "from the body");
        CHECK_FALSE((co_await generator.next()).has_value());
        co_await generator.aclose();
    });
}

TEST_CASE("async generator: one item is asked for at a time") {
    TestLoop test;
    int alive = 0;
    const auto main = [&]() -> Coro<> {
        Future<int> future = test.loop.create_future<int>();
        auto generator = wait_on(future, Tracer(alive));
        co_await generator.next();
        const auto ask = [&]() -> Coro<int> {
            auto item = co_await generator.next();
            co_return item.value();
        };
        Task<int> task = test.loop.create_task(ask());
        co_await rounds(1);
        CHECK(co_await outcome(generator.next()) == "next(): asynchronous generator is already running");
        CHECK(co_await outcome(generator.aclose()) == "aclose(): asynchronous generator is already running");
        future.set_result(5);
        const int n = co_await task;
        CHECK(n == 5);
        CHECK_FALSE((co_await generator.next()).has_value());
    };
    test.loop.run_until_complete(main());
    CHECK(alive == 0);
}

TEST_CASE("async generator: cannot ask itself for an item") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::optional<AsyncGenerator<int>> generator;
        const auto make = [&]() -> AsyncGenerator<int> {
            auto mine = co_await generator->next();
            co_yield *mine;
        };
        generator.emplace(make());
        CHECK(co_await outcome(generator->next()) == "next(): asynchronous generator is already running");
    });
}

TEST_CASE("async generator: a cancellation passes through the body, which it ends") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int alive = 0;
        auto generator = wait_on(loop.create_future<int>(), Tracer(alive));
        co_await generator.next();
        const auto ask = [&]() -> Coro<> { co_await generator.next(); };
        Task<> task = loop.create_task(ask());
        co_await rounds(1);
        CHECK(task.cancel("enough"));
        CHECK(co_await outcome(task) == "cancelled: enough");
        CHECK(alive == 0);
        CHECK_FALSE((co_await generator.next()).has_value());
    });
}

TEST_CASE("async generator: a body that catches a cancellation goes on") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto make = []() -> AsyncGenerator<std::string> {
            const std::string end = co_await outcome(sleep(1h));
            co_yield end;
        };
        auto generator = make();
        const auto ask = [&]() -> Coro<std::string> { co_return (co_await generator.next()).value(); };
        Task<std::string> task = loop.create_task(ask());
        co_await rounds(1);
        task.cancel();
        const std::string item = co_await task;
        CHECK(item == "cancelled");
    });
}

TEST_CASE("rule 8: an item that is there is not lost to a cancellation that comes later") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int alive = 0;
        Future<int> future = loop.create_future<int>();
        auto generator = wait_on(future, Tracer(alive));
        co_await generator.next();
        std::string next;
        const auto ask = [&]() -> Coro<int> {
            auto item = co_await generator.next();
            next = co_await outcome(sleep(0s));
            co_return item.value();
        };
        Task<int> task = loop.create_task(ask());
        co_await rounds(1);
        future.set_result(6);
        task.cancel();
        const int n = co_await task;
        CHECK(n == 6);
        CHECK(next == "cancelled");
    });
}

TEST_CASE("async generator: runs in the task and the context of whoever asks for the item") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto make = []() -> AsyncGenerator<std::string> {
            while (true) co_yield current_task().get_name() + std::to_string(variable.get());
        };
        auto generator = make();
        const auto ask = [&](int n) -> Coro<std::string> {
            variable.set(n);
            co_return (co_await generator.next()).value();
        };
        const std::string a = co_await loop.create_task(ask(1), "a");
        const std::string b = co_await loop.create_task(ask(2), "b");
        CHECK(a == "a1");
        CHECK(b == "b2");
    });
}

TEST_CASE("async generator: many items use no machine stack, also without a suspension") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto generator = count_to(many);
        std::int64_t sum = 0;
        while (auto item = co_await generator.next()) sum += *item;
        CHECK(sum == std::int64_t{many} * (many - 1) / 2);
    });
}

TEST_CASE("async generator: generators inside generators use no machine stack while they run") {
    run_in_loop([](EventLoop&) -> Coro<> {
        constexpr int depth = 100'000;
        const std::vector<int> items = co_await collect(nested(depth));
        CHECK(items == std::vector<int>{depth + 1, depth + 2});
    });
}

TEST_CASE("rule 82: an async generator is bound to the loop that it was first iterated in") {
    TestLoop home;
    TestLoop other;
    auto generator = count_to(3);
    const auto ask = [&]() -> Coro<int> { co_return (co_await generator.next()).value(); };
    const auto misuse = [&]() -> Coro<> {
        const std::string expected = "this AsyncGenerator is attached to a different loop";
        CHECK(co_await outcome(generator.next()) == expected);
        CHECK(co_await outcome(generator.aclose()) == expected);
    };
    CHECK(home.loop.run_until_complete(ask()) == 0);
    other.loop.run_until_complete(misuse());
    CHECK(home.loop.run_until_complete(ask()) == 1);
}

TEST_CASE("async generator: moves while it runs; what it was moved from is of no use") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int alive = 0;
        Future<int> future = loop.create_future<int>();
        auto generator = wait_on(future, Tracer(alive));
        co_await generator.next();
        const auto ask = [&]() -> Coro<int> { co_return (co_await generator.next()).value(); };
        Task<int> task = loop.create_task(ask());
        co_await rounds(1);
        auto other = std::move(generator);
        CHECK(co_await outcome(generator.next()) == "this AsyncGenerator has been moved from");
        future.set_result(4);
        const int n = co_await task;
        CHECK(n == 4);
        CHECK(alive == 1);
        other = count_to(1);
        CHECK(alive == 0);
        auto item = co_await other.next();
        CHECK(item == 0);
    });
}

TEST_CASE("async generator: one that is dropped while it runs gives its item, and is destroyed then") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int alive = 0;
        Future<int> future = loop.create_future<int>();
        std::optional<AsyncGenerator<int>> generator(wait_on(future, Tracer(alive)));
        co_await generator->next();
        const auto ask = [&]() -> Coro<int> { co_return (co_await generator->next()).value(); };
        Task<int> task = loop.create_task(ask());
        co_await rounds(1);
        generator.reset();
        CHECK(alive == 1);
        future.set_result(3);
        const int n = co_await task;
        CHECK(n == 3);
        CHECK(alive == 0);
    });
}

TEST_CASE("async generator: a loop that closes destroys what runs in a generator, and the object knows") {
    int alive = 0;
    std::optional<AsyncGenerator<int>> generator;
    {
        TestLoop test;
        const auto ask = [&]() -> Coro<> {
            const Tracer tracer(alive);
            generator.emplace(wait_on(test.loop.create_future<int>(), Tracer(alive)));
            co_await generator->next();
            co_await generator->next();
        };
        Task<> task = test.loop.create_task(ask());
        test.loop.run_until_complete(rounds(3));
        CHECK(alive == 2);
        test.loop.close();
        CHECK(alive == 0);
        CHECK(task.cancelled());
    }
    run_in_loop([&](EventLoop&) -> Coro<> { CHECK_FALSE((co_await generator->next()).has_value()); });
}

TEST_CASE("async generator: one that stands at a yield outlives its loop") {
    int alive = 0;
    std::optional<AsyncGenerator<int>> generator;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        generator.emplace(wait_on(loop.create_future<int>(), Tracer(alive)));
        co_await generator->next();
    });
    CHECK(alive == 1);
    generator.reset();
    CHECK(alive == 0);
}

TEST_CASE("for_each: calls a function for every item, and awaits what it returns") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::vector<int> seen;
        const auto note = [&](int n) { seen.push_back(n); };
        co_await for_each(count_slowly(2), note);
        const auto note_later = [&](int n) -> Coro<> {
            co_await sleep(0s);
            seen.push_back(n);
        };
        co_await for_each(count_to(3), note_later);
        CHECK(seen == std::vector<int>{0, 1, 0, 1, 2});
    });
}

TEST_CASE("for_each: closes the generator before the function's error goes on") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::string log;
        const auto make = [&]() -> AsyncGenerator<int> {
            bool closed = false;
            try {
                co_yield 1;
            } catch (const GeneratorExit&) {
                closed = true;
            }
            co_await sleep(0s);
            log += closed ? "closed" : "went on";
        };
        const auto fail = [](int) { throw std::runtime_error("from the function"); };
        CHECK(co_await outcome(for_each(make(), fail)) == "from the function");
        CHECK(log == "closed");
    });
}

TEST_CASE("collect: gives copies of what a generator refers to, and the generator's error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto make = [](std::vector<std::string>& from) -> AsyncGenerator<std::string&> {
            for (std::string& s : from) co_yield s;
        };
        std::vector<std::string> words = {"a", "b"};
        const std::vector<std::string> all = co_await collect(make(words));
        CHECK(all == words);
        CHECK(co_await outcome(collect(fail_after(2))) == "from the body");
    });
}
