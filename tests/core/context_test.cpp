#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/structure/runner.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;

namespace {

ContextVar<int> number("number", 0);
ContextVar<std::string> word("word");

} // namespace

TEST_CASE("context variables: defaults, values, tokens") {
    Context context;
    context.run([&] {
        CHECK(number.name() == "number");
        CHECK(number.get() == 0);
        CHECK(number.get(5) == 5);
        CHECK_THROWS_AS(static_cast<void>(word.get()), RuntimeError);
        CHECK(word.get("fallback") == "fallback");
        const auto first = number.set(1);
        const auto second = number.set(2);
        CHECK(number.get() == 2);
        number.reset(second);
        CHECK(number.get() == 1);
        number.reset(first);
        CHECK(number.get(7) == 7);
        word.set("value");
    });
    CHECK_THROWS_AS(static_cast<void>(word.get()), RuntimeError);
    CHECK(context.run([] { return word.get(); }) == "value");
}

TEST_CASE("copies of a handle mean the same context, whichever was there first") {
    Context first;
    first.run([] { number.set(1); });
    Context second = first;
    second.run([] { number.set(2); });
    CHECK(first.get(number) == 2);
    const Context third = second;
    first.run([] { number.set(3); });
    CHECK(third.get(number) == 3);
    CHECK(first.run([&] { return thrown_by([&] { second.run([] {}); }); }) ==
          "cannot enter context: it is already entered");
    second = Context();
    CHECK(second.empty());
    CHECK(first.get(number) == 3);
    Context moved = std::move(first);
    CHECK(moved.get(number) == 3);
    CHECK(third.get(number) == 3);
    // A token goes with the context, not with the handle.
    Context fourth = moved;
    std::optional<ContextVar<int>::Token> token;
    moved.run([&] { token.emplace(number.set(4)); });
    fourth.run([&] { number.reset(*token); });
    CHECK(moved.get(number) == 3);
}

TEST_CASE("threads may copy one handle at the same time") {
    Context context;
    context.run([] { number.set(1); });
    const Context& shared = context;
    std::vector<std::thread> threads;
    std::atomic<int> sum = 0;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < 100; ++n) sum += Context(shared).get(number).value_or(0);
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(sum == 400);
}

TEST_CASE("a copied context does not see later changes of the original") {
    Context original;
    original.run([] { number.set(1); });
    Context copy = original.copy();
    CHECK(copy == original);
    original.run([] { number.set(2); });
    CHECK_FALSE(copy == original);
    CHECK(copy.run([] { return number.get(); }) == 1);
    CHECK(original.run([] { return copy_context().run([] { return number.get(); }); }) == 2);
    // An exception puts the outer context back.
    CHECK_THROWS_AS(original.run([] { throw std::runtime_error("x"); }), std::runtime_error);
    CHECK(number.get() == 0);
}

TEST_CASE("context variables: a token tells the value before, and is good for one reset") {
    Context context;
    context.run([] {
        const auto first = word.set("a");
        CHECK_FALSE(first.old_value().has_value());
        const auto second = word.set("b");
        CHECK(second.old_value() == "a");
        word.reset(second);
        CHECK(word.get() == "a");
        CHECK(thrown_by([&] { word.reset(second); }) ==
              "the token of context variable 'word' has already been used once");
        // Out of order is allowed.
        const auto third = word.set("c");
        word.reset(first);
        CHECK_THROWS_AS(static_cast<void>(word.get()), RuntimeError);
        word.reset(third);
        CHECK(word.get() == "a");
    });
}

TEST_CASE("context variables: the token of another variable or context is refused") {
    ContextVar<int> other("other");
    Context context;
    std::optional<ContextVar<int>::Token> token;
    context.run([&] {
        token.emplace(number.set(1));
        CHECK_THROWS_AS(other.reset(*token), ValueError);
    });
    CHECK_THROWS_AS(number.reset(*token), ValueError);
    Context copy = context.run([] { return copy_context(); });
    CHECK(thrown_by([&] { copy.run([&] { number.reset(*token); }); }) ==
          "the token of context variable 'number' was made in a different context");
    context.run([&] {
        number.reset(*token);
        CHECK(number.get() == 0);
    });
}

TEST_CASE("context variables: a token stays with its task") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto token = number.set(1);
        const auto child = [&]() -> Coro<> {
            CHECK_THROWS_AS(number.reset(token), ValueError);
            co_return;
        };
        co_await loop.create_task(child());
        co_await sleep(std::chrono::seconds(0));
        number.reset(token);
        CHECK(number.get() == 0);
    });
}

TEST_CASE("rule 73: a token of one run can be used in the next run of the same Runner") {
    Runner runner;
    std::optional<ContextVar<int>::Token> token;
    const auto first = [&]() -> Coro<> {
        token.emplace(number.set(4));
        co_return;
    };
    const auto second = [&]() -> Coro<int> {
        number.reset(*token);
        co_return number.get();
    };
    runner.run(first());
    CHECK(runner.run(second()) == 0);
}

TEST_CASE("context variables: a scoped set ends with its scope, also by an exception") {
    Context context;
    context.run([] {
        number.set(1);
        {
            const auto scope = number.scoped_set(2);
            CHECK(number.get() == 2);
        }
        CHECK(number.get() == 1);
        CHECK(thrown_by([] {
                  const auto scope = number.scoped_set(3);
                  throw std::runtime_error("x");
              }) == "x");
        CHECK(number.get() == 1);
    });
}

TEST_CASE("context variables: a scoped set that ends in another context changes nothing there") {
    int seen = -1;
    {
        TestLoop test;
        const auto body = [&]() -> Coro<> {
            const auto scope = number.scoped_set(5);
            co_await test.loop.create_future<>();
        };
        test.loop.create_task(body());
        test.loop.run_until_complete(rounds(2));
        Context context;
        context.run([&] {
            number.set(8);
            test.loop.close();
            seen = number.get();
        });
    }
    CHECK(seen == 8);
}

TEST_CASE("contexts: get, contains and size tell what has been set, not what is default") {
    Context context;
    CHECK(context.empty());
    CHECK_FALSE(context.contains(number));
    CHECK_FALSE(context.get(number).has_value());
    context.run([] {
        number.set(3);
        word.set("w");
        number.set(4);
    });
    CHECK(context.size() == 2);
    CHECK(context.contains(number));
    CHECK(context.get(number) == 4);
    CHECK(context.get(word) == "w");
}

TEST_CASE("contexts: one that is entered cannot be entered again before it is left") {
    Context context;
    Context other;
    const auto nothing = [] {};
    context.run([&] {
        CHECK(thrown_by([&] { context.run(nothing); }) == "cannot enter context: it is already entered");
        other.run([&] { CHECK_THROWS_AS(context.run(nothing), RuntimeError); });
    });
    CHECK(thrown_by([&] { context.run(nothing); }) == "none");
}

TEST_CASE("contexts: thousands of variables are found, replaced and removed, and old versions stay") {
    constexpr int count = 5000;
    std::vector<std::unique_ptr<ContextVar<int>>> variables;
    for (int i = 0; i < count; ++i) variables.push_back(std::make_unique<ContextVar<int>>("variable"));
    Context context;
    Context half;
    std::vector<ContextVar<int>::Token> tokens;
    context.run([&] {
        for (int i = 0; i < count; ++i) {
            if (i == count / 2) half = copy_context();
            tokens.push_back(variables[static_cast<std::size_t>(i)]->set(i));
        }
        for (int i = 0; i < count; i += 3) variables[static_cast<std::size_t>(i)]->set(-i);
    });
    CHECK(context.size() == count);
    CHECK(half.size() == count / 2);
    bool right = true;
    for (int i = 0; i < count; ++i) {
        const ContextVar<int>& variable = *variables[static_cast<std::size_t>(i)];
        right = right && context.get(variable) == (i % 3 == 0 ? -i : i);
        right = right && half.contains(variable) == (i < count / 2);
    }
    CHECK(right);
    context.run([&] {
        for (std::size_t i = 0; i < tokens.size(); i += 2) variables[i]->reset(tokens[i]);
    });
    CHECK(context.size() == count / 2);
    for (int i = 0; i < count; ++i)
        right = right && context.contains(*variables[static_cast<std::size_t>(i)]) == (i % 2 != 0);
    CHECK(right);
    context.run([&] {
        for (std::size_t i = 1; i < tokens.size(); i += 2) variables[i]->reset(tokens[i]);
    });
    CHECK(context.empty());
    CHECK(half.size() == count / 2);
}

TEST_CASE("context variables: a new variable never sees the value of one that is gone") {
    Context context;
    std::optional<ContextVar<int>> variable;
    variable.emplace("first");
    context.run([&] { variable->set(1); });
    variable.emplace("second");
    context.run([&] { CHECK_THROWS_AS(static_cast<void>(variable->get()), RuntimeError); });
}

TEST_CASE("rule 101: to_thread takes a copy of the context, and what is set there does not come back") {
    run_in_loop([](EventLoop&) -> Coro<> {
        number.set(6);
        const auto call = [] {
            const int seen = number.get();
            number.set(7);
            return seen;
        };
        const int seen = co_await to_thread(call);
        CHECK(seen == 6);
        CHECK(number.get() == 6);
    });
}

TEST_CASE("contexts: what a thread sets outside of all tasks is its own, and dropped when it ends") {
    ContextVar<std::shared_ptr<int>> variable("variable", nullptr);
    const auto value = std::make_shared<int>(1);
    const auto use = [&] {
        CHECK(variable.get() == nullptr);
        variable.set(value);
        CHECK(variable.get() == value);
    };
    for (int i = 0; i < 3; ++i) std::thread(use).join();
    CHECK(value.use_count() == 1);
}

TEST_CASE("contexts: versions may be shared between threads") {
    Context context;
    context.run([] { number.set(0); });
    std::vector<std::thread> threads;
    std::vector<int> ends(4);
    for (std::size_t t = 0; t < ends.size(); ++t)
        threads.emplace_back([&ends, t, mine = context.copy()]() mutable {
            mine.run([&] {
                for (int i = 0; i < 1000; ++i) {
                    const Context kept = copy_context();
                    number.set(kept.get(number).value() + 1);
                }
                ends[t] = number.get();
            });
        });
    for (std::thread& thread : threads) thread.join();
    CHECK(ends == std::vector<int>(4, 1000));
    CHECK(context.get(number) == 0);
}
