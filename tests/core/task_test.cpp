#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> give(int n) { co_return n; }

} // namespace

TEST_CASE("rule 5: a new task begins in the next round, in the order of creation") {
    std::string order;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        const auto note = [&](char name) -> Coro<> {
            order += name;
            co_return;
        };
        loop.call_soon([&] { order += '0'; });
        const Task<> a = loop.create_task(note('a'));
        const Task<> b = loop.create_task(note('b'));
        CHECK(order.empty());
        co_await b;
        CHECK(a.done());
    });
    CHECK(order == "0ab");
}

TEST_CASE("rule 18: tasks without a name are numbered, upwards") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> a = loop.create_task(give(1));
        Task<int> b = loop.create_task(give(1), TaskOptions().eager_start());
        Task<int> c = loop.create_task(give(1), "named");
        Task<int> d = loop.create_task(give(1), TaskOptions().name("also named"));
        const auto number = [](const std::string& name) {
            REQUIRE(name.starts_with("Task-"));
            return std::stoul(name.substr(5));
        };
        CHECK(number(b.get_name()) == number(a.get_name()) + 1);
        CHECK(c.get_name() == "named");
        CHECK(d.get_name() == "also named");
        a.set_name("renamed");
        CHECK(a.get_name() == "renamed");
        co_await d;
    });
}

TEST_CASE("rule 19: all_tasks are those not done; current_task is the one whose code runs") {
    TestLoop test;
    EventLoop& loop = test.loop;
    CHECK(loop.all_tasks().empty());
    CHECK_FALSE(static_cast<bool>(loop.current_task()));
    CHECK_THROWS_AS(static_cast<void>(current_task()), RuntimeError);
    bool in_callback = true;
    const auto names = [&] {
        std::string text;
        for (const AnyTask& task : loop.all_tasks()) text += task.get_name() + " ";
        return text;
    };
    const auto eager = [&]() -> Coro<> {
        CHECK(current_task().get_name() == "eager");
        CHECK(names() == "main done waiting eager ");
        co_return;
    };
    const auto main = [&]() -> Coro<> {
        CHECK(current_task().get_name() == "main");
        Task<int> done = loop.create_task(give(1), "done");
        Task<> waiting = loop.create_task([]() -> Coro<> { co_await sleep(1h); });
        waiting.set_name("waiting");
        loop.call_soon([&] { in_callback = static_cast<bool>(current_task()); });
        loop.create_task(eager(), TaskOptions("eager").eager_start());
        CHECK(current_task().get_name() == "main");
        co_await done;
        CHECK(names() == "main waiting ");
        waiting.cancel();
        static_cast<void>(co_await outcome(waiting));
        CHECK(names() == "main ");
    };
    loop.run_until_complete(loop.create_task(main(), "main"));
    CHECK_FALSE(in_callback);
    CHECK(loop.all_tasks().empty());
}

TEST_CASE("a task goes on although all its handles have been dropped, and owns what it was made of") {
    int alive = 0;
    std::string log;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        Future<> finished = loop.create_future();
        const auto body = [tracer = Tracer(alive), &log, finished](std::string text) mutable -> Coro<> {
            co_await rounds(2);
            log = text;
            finished.set_result();
        };
        loop.create_task(body, std::string("an argument that does not fit into a small string"));
        co_await finished;
    });
    CHECK(log == "an argument that does not fit into a small string");
    CHECK(alive == 0);
}
