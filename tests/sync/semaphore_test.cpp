#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/semaphore.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> take(Semaphore& semaphore, Log& log, std::string name) {
    co_await semaphore.acquire();
    log.push_back(name);
}

} // namespace

TEST_CASE("rule 76: units are taken without giving way as long as there are any") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Semaphore semaphore(2);
        const TurnWatch watch(loop);
        co_await semaphore.acquire();
        CHECK_FALSE(semaphore.locked());
        co_await semaphore.acquire();
        CHECK(semaphore.locked());
        semaphore.release();
        CHECK_FALSE(semaphore.locked());
        semaphore.release();
        // Without a bound there may be more units than at first.
        semaphore.release();
        for (int i = 0; i < 3; ++i) co_await semaphore.acquire();
        CHECK(semaphore.locked());
        CHECK_FALSE(watch.taken());
    });
}

TEST_CASE("rule 76: a released unit is handed to the first who waits; newcomers queue behind") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Semaphore semaphore(1);
        Log log;
        co_await semaphore.acquire();
        const Task<> a = create_task(take(semaphore, log, "a"));
        const Task<> b = create_task(take(semaphore, log, "b"));
        co_await rounds(1);
        CHECK(waits_for(a) == "Semaphore.acquire");
        semaphore.release();
        CHECK(semaphore.locked());
        const Task<> newcomer = create_task(take(semaphore, log, "newcomer"));
        co_await rounds(3);
        CHECK(log == Log{"a"});
        semaphore.release();
        semaphore.release();
        co_await newcomer;
        CHECK(log == Log{"a", "b", "newcomer"});
        CHECK(semaphore.locked());
    });
}

TEST_CASE("rule 76: a unit released while another one is on its way waits for those who came before") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Semaphore semaphore(0);
        Log log;
        const Task<> a = create_task(take(semaphore, log, "a"));
        co_await rounds(1);
        semaphore.release();
        semaphore.release();
        // One unit is free, but who comes now does not overtake the one that was woken.
        CHECK(semaphore.locked());
        co_await take(semaphore, log, "b");
        CHECK(log == Log{"a", "b"});
        CHECK(semaphore.locked());
    });
}

TEST_CASE("rule 76: a waiter that is cancelled takes no unit, and the next one gets it") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Semaphore semaphore(0);
        Log log;
        Task<> a = create_task(take(semaphore, log, "a"));
        const Task<> b = create_task(take(semaphore, log, "b"));
        co_await rounds(1);
        a.cancel();
        semaphore.release();
        co_await b;
        CHECK(a.cancelled());
        CHECK(log == Log{"b"});
        semaphore.release();
        CHECK_FALSE(semaphore.locked());
        co_await semaphore.acquire();
        CHECK(co_await outcome(wait_for(semaphore.guard(), 1ms)) == "timeout");
        semaphore.release();
        CHECK_FALSE(semaphore.locked());
    });
}

TEST_CASE("rules 8 and 76: a waiter that is woken and then cancelled has its unit") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Semaphore semaphore(0);
        Log log;
        const auto body = [&]() -> Coro<> {
            const auto guard = co_await semaphore.guard();
            log.push_back("a");
            co_await sleep(0s);
            log.push_back("not reached");
        };
        Task<> a = create_task(body());
        const Task<> b = create_task(take(semaphore, log, "b"));
        co_await rounds(1);
        semaphore.release();
        a.cancel();
        co_await b;
        CHECK(a.cancelled());
        CHECK(log == Log{"a", "b"});
    });
}

TEST_CASE("rule 76: a bounded semaphore is not released above its first value") {
    run_in_loop([](EventLoop&) -> Coro<> {
        BoundedSemaphore semaphore(2);
        CHECK_THROWS_AS(semaphore.release(), ValueError);
        co_await semaphore.acquire();
        semaphore.release();
        CHECK_THROWS_AS(semaphore.release(), ValueError);
        {
            const auto guard = co_await semaphore.guard();
            const auto second = co_await semaphore.guard();
            CHECK(semaphore.locked());
        }
        CHECK_THROWS_AS(semaphore.release(), ValueError);
    });
    CHECK_THROWS_AS(Semaphore(-1), ValueError);
    CHECK_THROWS_AS(BoundedSemaphore(-1), ValueError);
}

TEST_CASE("never more tasks than units are inside, and all come in") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Semaphore semaphore(3);
        int inside = 0;
        int most = 0;
        const auto body = [&](int turns) -> Coro<> {
            const auto guard = co_await semaphore.guard();
            most = std::max(most, ++inside);
            co_await rounds(turns);
            --inside;
        };
        std::vector<Task<>> tasks;
        for (int i = 0; i < 20; ++i) tasks.push_back(create_task(body(i % 4)));
        for (const Task<>& task : tasks) co_await task;
        CHECK(most == 3);
        CHECK_FALSE(semaphore.locked());
    });
}

TEST_CASE("rule 82: a semaphore belongs to the first loop in which a task had to wait for it") {
    Semaphore semaphore(0);
    TestLoop test;
    test.loop.run_until_complete(outcome(wait_for(semaphore.acquire(), 1ms)));
    CHECK(outcome_elsewhere(semaphore.acquire()).find("different event loop") != std::string::npos);
}
