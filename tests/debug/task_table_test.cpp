// The table of a loop's tasks.

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/debug/task_table.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/shield.hpp>

#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> nap() { co_await sleep(1h); }

} // namespace

TEST_CASE("task table: each task that is not done, what it does, and which tasks wait for it") {
    const auto body = [](EventLoop& loop) -> Coro<> {
        Task<> child = loop.create_task(nap(), "child");
        const auto gathering = [&]() -> Coro<> { co_await gather(shield(child), child); };
        Task<> main = loop.create_task(gathering(), "main");
        const Task<> done = loop.create_task(rounds(0), "done");
        co_await rounds(3);
        const auto forgotten = gather(loop.create_task(nap(), "alone"));
        const std::vector<TaskTableRow> table = task_table();
        REQUIRE(table.size() == 4);
        CHECK(describe(table[0]) == "Task 'looker' is running");
        CHECK(describe(table[1]) == "Task 'child' waits for sleep");
        CHECK(table[1].awaited_by == std::vector<std::string>{"main"});
        CHECK(contains(std::string(table[1].call_stack.at(0).function), "nap"));
        CHECK(describe(table[2]) == "Task 'main' waits for gathering Future");
        CHECK(table[2].awaited_by.empty());
        CHECK(describe(table[3]) == "Task 'alone' is ready to run");
        CHECK(table[3].awaited_by == std::vector<std::string>{"gathering Future"});
        main.cancel();
        static_cast<void>(co_await outcome(main));
    };
    TestLoop test;
    test.loop.run_until_complete(test.loop.create_task(body(test.loop), "looker"));
}

TEST_CASE("task table: as text it has a line for each task, and long names are cut") {
    TestLoop test;
    const Task<> task = test.loop.create_task(nap(), "short");
    const Task<> other = test.loop.create_task(nap(), std::string(100, 'x'));
    const std::string text = format_task_table(task_table(test.loop));
    CHECK(text.substr(0, 6) == "task  ");
    CHECK(contains(text, "awaited by\n"));
    CHECK(contains(text, "\nshort  "));
    CHECK(contains(text, "  is ready to run  "));
    CHECK(contains(text, "\n" + std::string(37, 'x') + "...  "));
    CHECK(contains(text, "task_table_test.cpp:"));
}

TEST_CASE("task table: a loop without tasks has an empty one") {
    const EventLoop loop;
    CHECK(task_table(loop).empty());
    CHECK(format_task_table({}) == "task  state  at  awaited by\n");
}
