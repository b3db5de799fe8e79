// What is reported when an error, a task or a coroutine is lost.

#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/testing/virtual_clock.hpp>

#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> number() { co_return 1; }
Coro<> fail_at_once() {
    throw std::runtime_error("lost");
    co_return;
}

/// A loop whose reports are kept as they would be printed.
class ReportingLoop {
public:
    ReportingLoop() : loop(clock) {
        loop.set_exception_handler([this](EventLoop&, const ErrorContext& context) {
            contexts.push_back(context);
            lines.push_back(describe(context));
        });
    }
    std::vector<ErrorContext> contexts;
    std::vector<std::string> lines;
    testing::VirtualClock clock;
    EventLoop loop;
};

} // namespace

TEST_CASE(
    "rule 17: a failed task that nobody holds is reported at once, with its name and where it was made") {
    ReportingLoop test;
    std::size_t after_one_round = 0;
    unsigned line = 0;
    const auto main = [&]() -> Coro<> {
        static_cast<void>(test.loop.create_task(fail_at_once(), "loser")), line = __LINE__;
        co_await rounds(2);
        after_one_round = test.lines.size();
    };
    test.loop.run_until_complete(main());
    REQUIRE(after_one_round == 1);
    CHECK(contains(test.lines[0], "Task exception was never retrieved (loser, made at "));
    CHECK(contains(test.lines[0], "report_test.cpp:" + std::to_string(line)));
    CHECK(contains(test.lines[0], "std::runtime_error: lost"));
}

TEST_CASE("rule 17: a task that a group, a gather or a callable has made tells the function that made it") {
    ReportingLoop test;
    const auto in_callable = []() -> Coro<> {
        throw std::runtime_error("callable");
        co_return;
    };
    const auto main = [&]() -> Coro<> {
        static_cast<void>(test.loop.create_task(in_callable));
        co_await rounds(2);
    };
    test.loop.run_until_complete(main());
    REQUIRE(test.contexts.size() == 1);
    CHECK(contains(test.contexts[0].created.file_name(), "report_test.cpp"));
    CHECK(test.contexts[0].created.line() != 0);
}

TEST_CASE("a pending task that is destroyed with its loop is reported with where it was made") {
    ReportingLoop test;
    const Task<> task = test.loop.create_task(rounds(1'000'000), "pending");
    test.loop.run_until_complete(rounds(2));
    test.loop.close();
    REQUIRE(test.lines.size() == 1);
    CHECK(contains(test.lines[0], "Task was destroyed but it is pending! (pending, made at "));
    CHECK(contains(test.lines[0], "report_test.cpp:"));
}

TEST_CASE("a coroutine that is never awaited is reported with its function") {
    ReportingLoop test;
    const auto main = [&]() -> Coro<> {
        {
            const Coro<int> forgotten = number();
        }
        CHECK(test.lines.size() == 1);
        co_return;
    };
    test.loop.run_until_complete(main());
    REQUIRE(test.lines.size() == 1);
    CHECK(contains(test.lines[0], "A coroutine was never awaited ("));
    CHECK(contains(test.lines[0], "number("));
}

TEST_CASE("a coroutine that is closed, moved from, refused or dropped by an exception is not reported") {
    ReportingLoop test;
    const auto drop = [&] {
        const Coro<int> dropped = number();
        throw std::runtime_error("in flight");
    };
    const auto main = [&]() -> Coro<> {
        Coro<int> closed = number();
        closed.close();
        closed.close();
        Coro<int> moved = number();
        const int n = co_await std::move(moved);
        CHECK(n == 1);
        CHECK(thrown_by(drop) == "in flight");
        TaskGroup group;
        CHECK_THROWS_AS(static_cast<void>(group.create_task(number())), RuntimeError);
        const std::string late = co_await outcome(wait_for(number(), 0s));
        CHECK(late == "timeout");
    };
    test.loop.run_until_complete(main());
    CHECK(test.lines.empty());
}

TEST_CASE("a coroutine that waits to be awaited in a task that is cancelled or closed is not reported") {
    ReportingLoop test;
    const auto later = [](Coro<int> inner) -> Coro<> {
        co_await sleep(1h);
        static_cast<void>(co_await std::move(inner));
    };
    Task<> unstarted = test.loop.create_task(later(number()));
    unstarted.cancel();
    Task<> waiting = test.loop.create_task(later(number()), "waiting");
    test.loop.run_until_complete(rounds(2));
    CHECK(unstarted.cancelled());
    CHECK(test.lines.empty());
    test.loop.close();
    CHECK(waiting.cancelled());
    CHECK(test.lines.size() == 1);
}
