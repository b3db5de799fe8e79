#include <aio/testing/shuffle.hpp>

#include <cstdint>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/testing/run.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

/// Three tasks that take two steps each: the order of their steps.
Coro<std::string> interleaving() {
    std::string order;
    const auto step = [&](char name) -> Coro<> {
        order += name;
        co_await sleep(0s);
        order += name;
    };
    const auto body = [&](TaskGroup& group) -> Coro<> {
        for (const char name : {'a', 'b', 'c'}) group.create_task(step(name));
        co_return;
    };
    co_await with_task_group(body);
    co_return order;
}

} // namespace

TEST_CASE("shuffle: without a seed the order is that of becoming ready") {
    CHECK(testing::run(interleaving()) == "abcabc");
}

TEST_CASE("shuffle: the same seed gives the same order, and seeds together give all of them") {
    std::set<std::string> seen;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        const std::string order = testing::run(interleaving(), seed);
        CHECK(testing::run(interleaving(), seed) == order);
        seen.insert(order);
    }
    // Each of two rounds in any of six orders; a group's tasks start in the same round and go on in the next.
    CHECK(seen.size() == 36);
}

TEST_CASE("shuffle: every round runs all that was ready, and what an exception leaves is run later") {
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        CAPTURE(seed);
        EventLoop loop;
        testing::shuffle(loop, seed);
        int ran = 0;
        for (int i = 0; i < 10; ++i) loop.call_soon([&] { ++ran; });
        loop.call_soon([] { throw SystemExit(3); });
        CHECK_THROWS_AS(loop.run_forever(), SystemExit);
        loop.stop();
        loop.run_forever();
        CHECK(ran == 10);
    }
}
