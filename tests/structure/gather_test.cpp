#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/shield.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

/// Gives `n` after that many rounds.
Coro<int> after(int n) {
    co_await rounds(n);
    co_return n;
}
Coro<> fail(std::string what, int wait = 0) {
    co_await rounds(wait);
    throw std::runtime_error(what);
}
Coro<> forever() { co_await sleep(1h); }
Coro<std::unique_ptr<int>> boxed(int n) { co_return std::make_unique<int>(n); }

/// Awaits in a task of its own, so that it can be cancelled.
template <class A>
Coro<std::string> outcome_in_task(A awaitable) {
    co_return co_await outcome(std::move(awaitable));
}

} // namespace

TEST_CASE("rule 46: gathering nothing is done at once") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Future<std::tuple<>> none = gather();
        CHECK(none.done());
        Future<std::vector<int>> empty = gather(std::vector<Coro<int>>());
        CHECK(empty.done());
        CHECK(empty.result().empty());
        co_await gather(std::vector<Coro<>>());
        const auto outcomes = co_await gather(return_exceptions, std::vector<Coro<>>());
        CHECK(outcomes.empty());
    });
    // There is no loop for it to belong to.
    CHECK_THROWS_AS(static_cast<void>(gather()), RuntimeError);
}

TEST_CASE("rule 46: results come in the order of the arguments, whatever ends first") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto text = []() -> Coro<std::string> {
            co_await rounds(1);
            co_return "text";
        };
        const auto [a, b, c, d] = co_await gather(after(3), text(), loop.create_task(after(0)), sleep(0s, 8));
        CHECK(a == 3);
        CHECK(b == "text");
        CHECK(c == 0);
        CHECK(d == 8);
        std::vector<Coro<int>> coros;
        for (int i = 5; i >= 0; --i) coros.push_back(after(i));
        const std::vector<int> all = co_await gather(std::move(coros));
        CHECK(all == std::vector{5, 4, 3, 2, 1, 0});
        std::vector<Task<>> tasks;
        for (int i = 0; i < 3; ++i) tasks.push_back(loop.create_task(rounds(i)));
        co_await gather(tasks);
        for (const Task<>& task : tasks) CHECK(task.done());
    });
}

TEST_CASE("rule 46: move-only results, and results that somebody else still holds") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto [a, b] = co_await gather(boxed(1), boxed(2));
        CHECK(*a + *b == 3);
        std::vector<Coro<std::unique_ptr<int>>> coros;
        coros.push_back(boxed(4));
        const std::vector<std::unique_ptr<int>> all = co_await gather(std::move(coros));
        CHECK(*all.at(0) == 4);
        Future<std::string> held = loop.create_future<std::string>();
        held.set_result("a text that is too long for the small string optimisation");
        const auto [x, y] = co_await gather(held, held);
        CHECK(x == held.result());
        CHECK(y == held.result());
    });
}

TEST_CASE("rule 46: the same task twice runs once and gives its result twice") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int runs = 0;
        const auto body = [&]() -> Coro<std::string> {
            ++runs;
            co_await sleep(0s);
            co_return "a text that is too long for the small string optimisation";
        };
        Task<std::string> task = loop.create_task(body());
        Future<std::tuple<std::string, std::string>> both = gather(task, task);
        task = Task<std::string>();
        const auto [a, b] = co_await both;
        CHECK(runs == 1);
        CHECK(a == "a text that is too long for the small string optimisation");
        CHECK(a == b);
    });
}

TEST_CASE("rule 47: the first exception is thrown at once; the others keep running, and what they throw is "
          "dropped") {
    TestLoop test;
    const auto main = [&]() -> Coro<> {
        Task<int> slow = test.loop.create_task(after(6));
        Task<> second = test.loop.create_task(fail("second", 4));
        const std::string end = co_await outcome(gather(fail("first", 1), second, slow));
        CHECK(end == "first");
        CHECK_FALSE(slow.done());
        CHECK_FALSE(second.done());
        second = Task<>();
        const int n = co_await slow;
        CHECK(n == 6);
    };
    test.loop.run_until_complete(main());
    CHECK(test.reports.empty());
}

TEST_CASE(
    "rule 48: a cancelled child counts as one that throws; the gathering future is not cancelled itself") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<> child = loop.create_task(forever());
        Task<int> other = loop.create_task(after(4));
        Future<std::tuple<std::monostate, int>> both = gather(child, other);
        co_await rounds(1);
        child.cancel("child");
        CHECK(co_await outcome(both) == "cancelled: child");
        CHECK_FALSE(both.cancelled());
        CHECK(text_of(both.exception()) == "cancelled: child");
        CHECK(current_task().cancelling() == 0);
        const int n = co_await other;
        CHECK(n == 4);
    });
}

TEST_CASE("rule 49: gathers of tasks that gather may be as deep as memory allows, and are cancelled all") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        constexpr int deep = 20'000;
        std::vector<Task<>> chain;
        chain.push_back(loop.create_task(forever()));
        const auto gathers = [](Task<> inner) -> Coro<> { co_await gather(inner); };
        while (chain.size() < deep) chain.push_back(loop.create_task(gathers(chain.back())));
        co_await rounds(2);
        CHECK(chain.back().cancel("deep"));
        CHECK(co_await outcome(chain.back()) == "cancelled: deep");
        for (const Task<>& task : chain) REQUIRE(task.cancelled());
    });
}

TEST_CASE("rule 49: cancelling a circle of gathers, long or short, does not run in circles") {
    const auto report_lost = [](const std::string& line) {
        return line.find("Task was destroyed but it is pending!") == 0;
    };
    for (const std::size_t length : {std::size_t{1}, std::size_t{2}, std::size_t{500}}) {
        TestLoop test;
        std::vector<Task<>> circle(length);
        const auto gathers = [&](std::size_t i) -> Coro<> {
            co_await gather(circle[(i + 1) % circle.size()]);
        };
        const auto main = [&]() -> Coro<> {
            for (std::size_t i = 0; i < length; ++i) circle[i] = test.loop.create_task(gathers(i));
            co_await rounds(2);
            CHECK(circle.front().cancel());
            co_await rounds(5);
        };
        test.loop.run_until_complete(main());
        // Each waits for the next: nobody can ever end, and that is told.
        test.loop.close();
        CHECK(test.reports.size() == length);
        CHECK(std::all_of(test.reports.begin(), test.reports.end(), report_lost));
    }
}

TEST_CASE("rule 49: cancelling cancels all children, and it ends when all have ended") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int cleanup = 0;
        const auto slow = [&]() -> Coro<> {
            static_cast<void>(co_await outcome(sleep(1h)));
            for (; cleanup < 4; ++cleanup) co_await sleep(0s);
            throw CancelledError();
        };
        SUBCASE("through the future") {
            Task<> quick = loop.create_task(forever());
            Future<std::tuple<std::monostate, std::monostate>> both = gather(slow(), quick);
            co_await rounds(1);
            CHECK(both.cancel("all"));
            co_await rounds(2);
            CHECK(quick.cancelled());
            CHECK_FALSE(both.done());
            CHECK(co_await outcome(both) == "cancelled: all");
            CHECK(cleanup == 4);
            CHECK_FALSE(both.cancel());
        }
        SUBCASE("through the task that awaits it") {
            Task<std::string> task = loop.create_task(outcome_in_task(gather(slow(), forever())));
            co_await rounds(2);
            task.cancel("awaiter");
            CHECK(co_await task == "cancelled: awaiter");
            CHECK(cleanup == 4);
        }
        SUBCASE("also when exceptions are values") {
            Task<std::string> task =
                loop.create_task(outcome_in_task(gather(return_exceptions, slow(), forever())));
            co_await rounds(2);
            task.cancel("awaiter");
            CHECK(co_await task == "cancelled: awaiter");
            CHECK(cleanup == 4);
        }
        SUBCASE("a child that fails instead says so") {
            const auto fails = []() -> Coro<> {
                static_cast<void>(co_await outcome(sleep(1h)));
                throw std::runtime_error("clean-up failed");
            };
            Task<std::string> task = loop.create_task(outcome_in_task(gather(slow(), fails())));
            co_await rounds(2);
            task.cancel();
            CHECK(co_await task == "clean-up failed");
            CHECK(cleanup == 4);
        }
        SUBCASE("not once it is done") {
            Task<int> late = loop.create_task(after(5));
            Future<std::tuple<std::monostate, int>> both = gather(fail("first"), late);
            CHECK(co_await outcome(both) == "first");
            CHECK_FALSE(both.cancel());
            const int n = co_await late;
            CHECK(n == 5);
        }
    });
}

TEST_CASE("rule 50: exceptions and cancellations can be had as values") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<> child = loop.create_task(forever());
        loop.call_soon([&] { child.cancel("child"); });
        const auto [a, b, c, d] = co_await gather(return_exceptions, after(2), fail("bad"), child, boxed(7));
        CHECK(a.has_value());
        CHECK(a.value() == 2);
        CHECK_FALSE(b.has_value());
        CHECK(b.failed_with<std::runtime_error>());
        CHECK_FALSE(b.failed_with<CancelledError>());
        CHECK(text_of(b.exception()) == "bad");
        CHECK(thrown_by([&] { b.value(); }) == "bad");
        CHECK(c.failed_with<CancelledError>());
        CHECK(text_of(c.exception()) == "cancelled: child");
        CHECK(*d.value() == 7);
        std::vector<Coro<>> coros;
        coros.push_back(fail("x"));
        coros.push_back(rounds(1));
        const std::vector<Outcome<void>> outcomes = co_await gather(return_exceptions, std::move(coros));
        REQUIRE(outcomes.size() == 2);
        CHECK(text_of(outcomes[0].exception()) == "x");
        CHECK(outcomes[1].has_value());
    });
}

TEST_CASE(
    "gather: futures of another loop, empty handles and closed loops are refused; nothing pending leaks") {
    TestLoop other;
    TestLoop test;
    int alive = 0;
    const auto hold = [](Tracer) -> Coro<> { co_await sleep(1h); };
    {
        Future<> foreign = other.loop.create_future();
        Future<> never = test.loop.create_future();
        const auto main = [&]() -> Coro<> {
            CHECK_THROWS_AS(static_cast<void>(gather(never, foreign)), ValueError);
            CHECK_THROWS_AS(static_cast<void>(gather(never, Future<>())), InvalidStateError);
            // Dropped, pending, with a child that nobody will ever complete.
            static_cast<void>(gather(never, hold(Tracer(alive))));
            static_cast<void>(shield(never));
            static_cast<void>(gather(test.loop.create_future(), test.loop.create_future<int>()));
            co_await rounds(2);
        };
        test.loop.run_until_complete(main());
        CHECK(alive == 1);
        test.loop.close();
        CHECK(alive == 0);
        CHECK_THROWS_AS(static_cast<void>(gather(never, never)), RuntimeError);
    }
    CHECK(test.reports.size() == 1);
}

TEST_CASE("rule 54: cancelling the awaiter of a shield leaves the shielded work alone") {
    TestLoop test;
    const auto main = [&]() -> Coro<> {
        Task<int> inner = test.loop.create_task(after(5));
        Task<std::string> task = test.loop.create_task(outcome_in_task(shield(inner)));
        co_await rounds(2);
        task.cancel("awaiter");
        CHECK(co_await task == "cancelled: awaiter");
        CHECK_FALSE(inner.done());
        CHECK(inner.cancelling() == 0);
        const int n = co_await inner;
        CHECK(n == 5);

        // A coroutine becomes a task, and runs on although nobody holds it.
        bool finished = false;
        const auto work = [&]() -> Coro<> {
            co_await rounds(3);
            finished = true;
        };
        Future<> outer = shield(work());
        CHECK(outer.cancel());
        CHECK(outer.cancelled());
        co_await rounds(5);
        CHECK(finished);
    };
    test.loop.run_until_complete(main());
    CHECK(test.reports.empty());
}

TEST_CASE("rule 54: what the shielded work ends with comes out") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const int n = co_await shield(after(3));
        CHECK(n == 3);
        const std::unique_ptr<int> box = co_await shield(boxed(6));
        CHECK(*box == 6);
        CHECK(co_await outcome(shield(fail("inner", 1))) == "inner");
        Task<> inner = loop.create_task(forever());
        Future<> outer = shield(inner);
        co_await rounds(1);
        inner.cancel("inner");
        CHECK(co_await outcome(outer) == "cancelled: inner");
        CHECK(outer.cancelled());
        CHECK(current_task().cancelling() == 0);
        // What is done is returned as it is.
        Future<int> done = loop.create_future<int>();
        done.set_result(1);
        CHECK(shield(done) == done);
        // A limit on the wait, not on the work.
        Task<int> slow = loop.create_task(after(20));
        CHECK(co_await outcome(wait_for(shield(slow), 0s)) == "timeout");
        CHECK_FALSE(slow.done());
        const int late = co_await slow;
        CHECK(late == 20);
    });
}

TEST_CASE("rule 54: an error of shielded work whose await was cancelled is reported") {
    TestLoop test;
    const auto main = [&]() -> Coro<> {
        Future<> outer = shield(test.loop.create_task(fail("lost", 3), "worker"));
        co_await rounds(1);
        outer.cancel();
        co_await rounds(5);
    };
    test.loop.run_until_complete(main());
    REQUIRE(test.reports.size() == 1);
    CHECK(test.reports[0].find("(worker): lost") != std::string::npos);
}
