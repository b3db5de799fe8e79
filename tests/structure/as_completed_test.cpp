#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/as_completed.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> give(int value, int after) {
    co_await rounds(after);
    co_return value;
}
Coro<int> fail(std::string what, int after) {
    co_await rounds(after);
    throw std::runtime_error(what);
}
Coro<int> forever() {
    co_await sleep(1h);
    co_return 0;
}
Coro<std::unique_ptr<int>> give_unique(int value, int after) {
    co_await rounds(after);
    co_return std::make_unique<int>(value);
}

/// Awaits all steps and joins how each ended.
template <class Ended>
Coro<std::string> all_results(Ended& ended) {
    std::string text;
    for (std::size_t left = ended.remaining(); left > 0; --left) {
        std::string one;
        try {
            const auto value = co_await ended.next_result();
            one = value ? std::to_string(*value) : "end";
        } catch (...) {
            one = text_of(std::current_exception());
        }
        text += (text.empty() ? "" : ", ") + one;
    }
    co_return text;
}

} // namespace

TEST_CASE("rule 53: as_completed gives the tasks themselves, in the order in which they end") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Task<int>> tasks;
        tasks.push_back(loop.create_task(give(0, 6)));
        tasks.push_back(loop.create_task(fail("one", 3)));
        tasks.push_back(loop.create_task(give(2, 9)));
        tasks.push_back(loop.create_task(give(3, 0)));
        const std::vector<Task<int>> expected{tasks[3], tasks[1], tasks[0], tasks[2]};
        auto ended = as_completed(tasks);
        std::vector<Task<int>> order;
        while (Task<int> task = co_await ended.next()) {
            CHECK(task.done());
            order.push_back(task);
        }
        CHECK(order == expected);
        CHECK(text_of(tasks[1].exception()) == "one");
        CHECK_FALSE(co_await ended.next());
    });
}

TEST_CASE("rule 53: what is done already comes first, in the order given, and without giving way") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Future<int>> futures;
        for (int i = 0; i < 4; ++i) futures.push_back(loop.create_future<int>());
        futures[3].set_result(3);
        futures[1].set_result(1);
        auto ended = as_completed(futures);
        futures[0].set_result(0);
        const RoundCounter counter(loop);
        CHECK(co_await ended.next() == futures[1]);
        CHECK(co_await ended.next() == futures[3]);
        CHECK(co_await ended.next() == futures[0]);
        CHECK(counter.now() == 0);
        CHECK(ended.remaining() == 1);
    });
}

TEST_CASE("rule 53: coroutines become tasks, and the second form gives results") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::vector<Coro<int>> coros;
        coros.push_back(give(1, 6));
        coros.push_back(fail("bad", 3));
        coros.push_back(give(3, 0));
        auto ended = as_completed(std::move(coros));
        CHECK(co_await all_results(ended) == "3, bad, 1");
        CHECK_FALSE(co_await ended.next_result());
    });
}

TEST_CASE("rule 53: results that cannot be copied are moved; of void there is a monostate") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::vector<Coro<std::unique_ptr<int>>> coros;
        coros.push_back(give_unique(1, 3));
        coros.push_back(give_unique(2, 0));
        auto ended = as_completed(std::move(coros));
        int sum = 0;
        while (const auto value = co_await ended.next_result()) sum = 10 * sum + **value;
        CHECK(sum == 21);
        std::vector<Coro<>> nothing;
        nothing.push_back(rounds(1));
        auto voids = as_completed(std::move(nothing));
        CHECK(co_await voids.next_result());
        CHECK_FALSE(co_await voids.next_result());
    });
}

TEST_CASE("rule 53: the same future given twice is given back once; no futures at all are no error") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> a = loop.create_task(give(1, 1));
        Task<int> b = loop.create_task(give(2, 3));
        auto ended = as_completed(std::vector<Task<int>>{a, b, a, a});
        CHECK(ended.remaining() == 2);
        CHECK(co_await ended.next() == a);
        CHECK(co_await ended.next() == b);
        CHECK_FALSE(co_await ended.next());
        auto none = as_completed(std::vector<Task<int>>(), 1h);
        CHECK_FALSE(co_await none.next());
    });
}

TEST_CASE("rule 53: untyped handles come back untyped") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> a = loop.create_task(give(1, 3));
        Task<> b = loop.create_task(rounds(1));
        auto ended = as_completed(std::vector<AnyTask>{a, b});
        const AnyTask first = co_await ended.next();
        CHECK(first == b);
        CHECK(co_await ended.next() == a);
    });
}

TEST_CASE("rule 53: when the time is up every step that is left throws TimeoutError; nothing is cancelled") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Task<int>> tasks;
        tasks.push_back(loop.create_task(forever()));
        tasks.push_back(loop.create_task(give(1, 0)));
        tasks.push_back(loop.create_task(forever()));
        co_await tasks[1];
        SUBCASE("while a step waits") {
            auto ended = as_completed(tasks, 1ms);
            CHECK(co_await all_results(ended) == "1, timeout, timeout");
            CHECK_FALSE(co_await ended.next());
        }
        SUBCASE("before a step is awaited: what was done by then is still given") {
            auto ended = as_completed(tasks, 1ms);
            co_await sleep(2ms);
            Task<int> late = tasks[0];
            late.cancel();
            co_await rounds(2);
            CHECK(late.done());
            CHECK(co_await all_results(ended) == "1, timeout, timeout");
        }
        SUBCASE("at once") {
            auto ended = as_completed(tasks, 0s);
            co_await rounds(3);
            CHECK(co_await all_results(ended) == "1, timeout, timeout");
        }
        CHECK(tasks[2].cancelling() == 0);
        CHECK_FALSE(tasks[2].done());
    });
}

TEST_CASE("rule 53: the message of the timeout says how many are unfinished") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Task<int>> tasks;
        tasks.push_back(loop.create_task(forever()));
        tasks.push_back(loop.create_task(give(1, 0)));
        tasks.push_back(loop.create_task(forever()));
        co_await tasks[1];
        auto ended = as_completed(tasks, 1ms);
        co_await ended.next();
        std::string what;
        try {
            co_await ended.next();
        } catch (const TimeoutError& e) {
            what = e.what();
        }
        CHECK(what.find("2 (of 3) unfinished") != std::string::npos);
    });
}

TEST_CASE("a timeout that is not reached leaves no timer behind") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        auto ended = as_completed(std::vector<Task<int>>{loop.create_task(give(1, 1))}, 1h);
        CHECK(loop.state().timers.size() == 1);
        co_await ended.next();
        CHECK(loop.state().timers.empty());
        {
            const auto dropped = as_completed(std::vector<Future<>>{loop.create_future()}, 1h);
            CHECK(loop.state().timers.size() == 1);
        }
        CHECK(loop.state().timers.empty());
    });
}

TEST_CASE("a step that is cancelled takes nothing") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Future<int> future = loop.create_future<int>();
        auto ended = as_completed(std::vector<Future<int>>{future});
        CHECK(co_await outcome(wait_for(ended.next(), 1ms)) == "timeout");
        CHECK(ended.remaining() == 1);
        CHECK_FALSE(future.done());
        future.set_result(1);
        CHECK(co_await ended.next() == future);
    });
}

TEST_CASE("several tasks may take steps of one as_completed; they are served in their order") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Future<int>> futures;
        for (int i = 0; i < 3; ++i) futures.push_back(loop.create_future<int>());
        auto ended = as_completed(futures);
        std::string log;
        const auto take = [&](std::string name) -> Coro<> {
            while (const auto value = co_await ended.next_result())
                log += name + std::to_string(*value) + " ";
            log += name + "- ";
        };
        Task<> a = loop.create_task(take("a"));
        Task<> b = loop.create_task(take("b"));
        co_await rounds(2);
        futures[2].set_result(2);
        futures[0].set_result(0);
        co_await rounds(2);
        CHECK(log == "a2 b0 ");
        futures[1].set_result(1);
        co_await a;
        co_await b;
        CHECK(log.find("a1 ") != std::string::npos);
        CHECK(log.find("a- ") != std::string::npos);
        CHECK(log.find("b- ") != std::string::npos);
    });
}

TEST_CASE("dropping an as_completed leaves the tasks running; its steps may outlive it") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Task<int>> tasks;
        tasks.push_back(loop.create_task(give(1, 4)));
        tasks.push_back(loop.create_task(give(2, 2)));
        std::optional<AsCompleted<Task<int>>> ended = as_completed(tasks);
        auto step = ended->next();
        CHECK(co_await step == tasks[1]);
        ended.reset();
        CHECK(co_await step == tasks[0]);
        CHECK(tasks[0].result() == 1);
    });
}

TEST_CASE("as_completed refuses futures of different loops, and steps in another loop") {
    EventLoop other;
    Future<int> foreign = other.create_future<int>();
    const auto of_other = as_completed(std::vector<Future<int>>{foreign});
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        const std::vector<Future<int>> mixed{loop.create_future<int>(), foreign};
        CHECK_THROWS_AS(static_cast<void>(as_completed(mixed)), ValueError);
        CHECK((co_await outcome(of_other.next())).find("different loop") != std::string::npos);
        auto moved = as_completed(std::vector<Future<int>>{foreign});
        const auto taken = std::move(moved);
        CHECK_THROWS_AS(static_cast<void>(moved.next()), RuntimeError);
    });
}

TEST_CASE("an as_completed may outlive its loop") {
    std::optional<AsCompleted<Task<int>>> ended;
    {
        TestLoop test;
        std::vector<Task<int>> tasks{test.loop.create_task(forever())};
        ended.emplace(as_completed(std::move(tasks), 1h));
        const auto main = [&]() -> Coro<> { co_await ended->next(); };
        const Task<> waiter = test.loop.create_task(main());
        test.loop.run_until_complete(rounds(3));
    }
    CHECK(ended->remaining() == 1);
}

TEST_CASE("as_completed of 100000 tasks takes time in proportion") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Future<int>> futures;
        for (int i = 0; i < 100000; ++i) futures.push_back(loop.create_future<int>());
        auto ended = as_completed(futures, 1h);
        const auto set_backwards = [&]() -> Coro<> {
            for (std::size_t i = futures.size(); i-- > 0;) {
                futures[i].set_result(static_cast<int>(i));
                if (i % 10 == 0) co_await sleep(0s);
            }
        };
        const Task<> setter = loop.create_task(set_backwards());
        int expected = 100000;
        bool in_order = true;
        while (const auto value = co_await ended.next_result()) in_order = in_order && *value == --expected;
        CHECK(expected == 0);
        CHECK(in_order);
    });
}
