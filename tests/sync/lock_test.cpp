#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/lock.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> hold(Lock& lock, Log& log, std::string name, int turns = 0) {
    co_await lock.acquire();
    log.push_back(name);
    co_await rounds(turns);
    lock.release();
}

} // namespace

TEST_CASE("rule 74: a free lock is taken without giving way") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Lock lock;
        const TurnWatch watch(loop);
        CHECK_FALSE(lock.locked());
        co_await lock.acquire();
        CHECK(lock.locked());
        lock.release();
        {
            const Lock::Guard guard = co_await lock.guard();
            CHECK(lock.locked());
        }
        CHECK_FALSE(lock.locked());
        CHECK_FALSE(watch.taken());
    });
}

TEST_CASE("rule 74: a lock is granted in the order of waiting, to one task at a time") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        Log log;
        co_await lock.acquire();
        const Task<> a = create_task(hold(lock, log, "a", 3));
        const Task<> b = create_task(hold(lock, log, "b", 2));
        const Task<> c = create_task(hold(lock, log, "c"));
        co_await rounds(2);
        CHECK(log.empty());
        CHECK(waits_for(a) == "Lock.acquire");
        lock.release();
        co_await a;
        CHECK(log.front() == "a");
        CHECK_FALSE(c.done());
        co_await c;
        CHECK(log == Log{"a", "b", "c"});
        CHECK(b.done());
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("rule 74: a released lock is not locked before the turn of the next one, but newcomers queue") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        Log log;
        co_await lock.acquire();
        const Task<> a = create_task(hold(lock, log, "a"));
        co_await rounds(1);
        lock.release();
        CHECK_FALSE(lock.locked());
        CHECK_THROWS_AS(lock.release(), RuntimeError);
        co_await hold(lock, log, "newcomer");
        CHECK(log == Log{"a", "newcomer"});
    });
}

TEST_CASE("rule 74: a waiter that is cancelled leaves the queue, and the others keep their order") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        Log log;
        co_await lock.acquire();
        Task<> a = create_task(hold(lock, log, "a"));
        Task<> b = create_task(hold(lock, log, "b"));
        const Task<> c = create_task(hold(lock, log, "c"));
        co_await rounds(1);
        CHECK(a.cancel());
        CHECK(b.cancel());
        lock.release();
        co_await c;
        CHECK(a.cancelled());
        CHECK(b.cancelled());
        CHECK(log == Log{"c"});
    });
}

TEST_CASE(
    "rules 8 and 74: a waiter that is woken and then cancelled has the lock; the next await is cancelled") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        Log log;
        const auto body = [&]() -> Coro<> {
            co_await lock.acquire();
            log.push_back("has it");
            const std::string next = co_await outcome(sleep(0s));
            log.push_back(next);
            lock.release();
        };
        co_await lock.acquire();
        Task<> a = create_task(body());
        const Task<> b = create_task(hold(lock, log, "b"));
        co_await rounds(1);
        lock.release();
        CHECK(a.cancel("late"));
        co_await b;
        CHECK(log == Log{"has it", "cancelled: late", "b"});
    });
}

TEST_CASE("rule 74: releasing a lock that is not locked is an error") {
    Lock lock;
    CHECK(thrown_by([&] { lock.release(); }) == "Lock.release: the lock is not acquired");
}

TEST_CASE("a lock's guard releases at the end of its scope, when it is told to, and once only") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        const auto fail = [&]() -> Coro<> {
            const auto guard = co_await lock.guard();
            throw std::runtime_error("failed");
        };
        CHECK(co_await outcome(fail()) == "failed");
        CHECK_FALSE(lock.locked());

        Lock::Guard outer;
        CHECK_FALSE(outer.owns());
        {
            Lock::Guard inner = co_await lock.guard();
            CHECK(inner.owns());
            outer = std::move(inner);
            CHECK_FALSE(inner.owns());
        }
        CHECK(lock.locked());
        Lock::Guard moved(std::move(outer));
        CHECK(lock.locked());
        moved.release();
        CHECK_FALSE(lock.locked());
        moved.release();

        co_await lock.acquire();
        {
            const Lock::Guard adopted(lock);
        }
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("a lock's guard hands the lock to the next one") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        Log log;
        Task<> next;
        {
            const auto guard = co_await lock.guard();
            next = create_task(hold(lock, log, "next"));
            co_await rounds(2);
            CHECK(log.empty());
        }
        co_await next;
        CHECK(log == Log{"next"});
    });
}

TEST_CASE("waiting for a lock can be limited in time, and leaves nothing behind") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        co_await lock.acquire();
        CHECK(co_await outcome(wait_for(lock.acquire(), 1ms)) == "timeout");
        CHECK(co_await outcome(wait_for(lock.guard(), 1ms)) == "timeout");
        lock.release();
        CHECK_FALSE(lock.locked());
        CHECK(co_await outcome(wait_for(lock.acquire(), 1h)) == "value");
    });
}

TEST_CASE("rule 82: a lock belongs to the first loop in which a task had to wait for it") {
    Lock lock;
    Log log;
    // Nobody has to wait: the lock stays free for any loop.
    CHECK(outcome_elsewhere(lock.acquire()) == "value");
    lock.release();
    TestLoop test;
    const auto contend = [&]() -> Coro<> {
        co_await lock.acquire();
        const Task<> a = create_task(hold(lock, log, "a"));
        co_await rounds(1);
        lock.release();
        co_await a;
        co_await lock.acquire();
    };
    test.loop.run_until_complete(contend());
    CHECK(lock.locked());
    CHECK(outcome_elsewhere(lock.acquire()).find("different event loop") != std::string::npos);
    TestLoop other;
    const auto release = [&]() -> Coro<> {
        CHECK_THROWS_AS(lock.release(), RuntimeError);
        co_return;
    };
    other.loop.run_until_complete(release());
    lock.release();
}
