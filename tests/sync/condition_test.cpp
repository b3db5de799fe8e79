#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/condition.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> wait_and_log(Condition& condition, Log& log, std::string name) {
    const auto guard = co_await condition.guard();
    const std::string end = co_await outcome(condition.wait());
    log.push_back(name + " " + end + (condition.locked() ? "" : ", unlocked"));
}

} // namespace

TEST_CASE("rule 77: waiting and notifying need the lock") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        CHECK(co_await outcome(condition.wait()) == "Condition.wait: the lock is not acquired");
        CHECK(thrown_by([&] { condition.notify(); }) == "Condition.notify: the lock is not acquired");
        CHECK(thrown_by([&] { condition.notify_all(); }) == "Condition.notify: the lock is not acquired");
        co_await condition.acquire();
        condition.notify();
        condition.release();
        CHECK_THROWS_AS(condition.release(), RuntimeError);
    });
}

TEST_CASE("rule 77: wait releases the lock, and has it again when it returns; notify wakes in order") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        Log log;
        const Task<> a = create_task(wait_and_log(condition, log, "a"));
        const Task<> b = create_task(wait_and_log(condition, log, "b"));
        const Task<> c = create_task(wait_and_log(condition, log, "c"));
        co_await rounds(4);
        CHECK(waits_for(a) == "Condition.wait");
        CHECK_FALSE(condition.locked());
        {
            const auto guard = co_await condition.guard();
            condition.notify();
            co_await rounds(3);
            CHECK(log.empty());
        }
        co_await a;
        co_await rounds(3);
        CHECK(log == Log{"a value"});
        {
            const auto guard = co_await condition.guard();
            condition.notify_all();
        }
        co_await c;
        CHECK(log == Log{"a value", "b value", "c value"});
        CHECK(b.done());
        CHECK_FALSE(condition.locked());
    });
}

TEST_CASE("rule 77: notify wakes as many as it is told to") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        Log log;
        std::vector<Task<>> tasks;
        for (const char* name : {"a", "b", "c"})
            tasks.push_back(create_task(wait_and_log(condition, log, name)));
        co_await rounds(5);
        {
            const auto guard = co_await condition.guard();
            condition.notify(0);
            condition.notify(2);
        }
        co_await rounds(5);
        CHECK(log == Log{"a value", "b value"});
        {
            const auto guard = co_await condition.guard();
            condition.notify(7);
        }
        co_await tasks.at(2);
    });
}

TEST_CASE("rule 77: wait_for waits until its predicate holds, and gives what it gave") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        int stock = 0;
        int looks = 0;
        const auto buy = [&](int wanted) -> Coro<int> {
            const auto guard = co_await condition.guard();
            const auto enough = [&] {
                ++looks;
                return stock >= wanted ? stock : 0;
            };
            const int seen = co_await condition.wait_for(enough);
            stock -= wanted;
            co_return seen;
        };
        const Task<int> big = create_task(buy(3));
        co_await rounds(2);
        for (int i = 0; i < 3; ++i) {
            const auto guard = co_await condition.guard();
            ++stock;
            condition.notify_all();
            co_await rounds(1);
        }
        CHECK(co_await big == 3);
        CHECK(looks == 4);
        stock = 5;
        CHECK(co_await buy(1) == 5);
        const auto fails = [&]() -> Coro<> {
            const auto guard = co_await condition.guard();
            const auto broken = []() -> bool { throw std::runtime_error("predicate"); };
            co_await condition.wait_for(broken);
        };
        CHECK(co_await outcome(fails()) == "predicate");
        CHECK_FALSE(condition.locked());
    });
}

TEST_CASE("rule 77: a cancelled wait takes the lock again before it throws") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        Log log;
        Task<> a = create_task(wait_and_log(condition, log, "a"));
        co_await rounds(2);
        co_await condition.acquire();
        a.cancel("one");
        co_await rounds(4);
        CHECK(log.empty());
        CHECK(waits_for(a) == "Condition.wait");
        condition.release();
        co_await a;
        CHECK(log == Log{"a cancelled: one"});
        CHECK_FALSE(condition.locked());
        CHECK(a.cancelling() == 1);
    });
}

TEST_CASE("rule 77: further cancellations do not keep a wait from taking the lock; the latest is thrown") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        Log log;
        Task<> a = create_task(wait_and_log(condition, log, "a"));
        co_await rounds(2);
        co_await condition.acquire();
        for (const char* text : {"one", "two", "three"}) {
            a.cancel(text);
            co_await rounds(2);
        }
        CHECK(log.empty());
        condition.release();
        co_await a;
        CHECK(log == Log{"a cancelled: three"});
        CHECK_FALSE(condition.locked());
    });
}

TEST_CASE("rule 77: a wait that was notified and is cancelled before it has the lock notifies another one") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        Log log;
        Task<> a = create_task(wait_and_log(condition, log, "a"));
        const Task<> b = create_task(wait_and_log(condition, log, "b"));
        const Task<> c = create_task(wait_and_log(condition, log, "c"));
        co_await rounds(4);
        {
            const auto guard = co_await condition.guard();
            condition.notify();
            a.cancel("gone");
        }
        co_await b;
        co_await rounds(3);
        CHECK(log == Log{"a cancelled: gone", "b value"});
        CHECK_FALSE(c.done());
        {
            const auto guard = co_await condition.guard();
            condition.notify_all();
        }
        co_await c;
    });
}

TEST_CASE("rule 77: a cancelled wait that was not notified notifies nobody") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        Log log;
        Task<> a = create_task(wait_and_log(condition, log, "a"));
        Task<> b = create_task(wait_and_log(condition, log, "b"));
        co_await rounds(3);
        a.cancel();
        co_await rounds(5);
        CHECK(log == Log{"a cancelled"});
        CHECK_FALSE(b.done());
        b.cancel();
        co_await b;
    });
}

TEST_CASE("rules 8 and 77: a wait that has the lock again is not cancelled any more") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        Log log;
        const auto body = [&]() -> Coro<> {
            const auto guard = co_await condition.guard();
            co_await condition.wait();
            log.push_back("notified");
            const std::string next = co_await outcome(sleep(0s));
            log.push_back(next);
        };
        Task<> a = create_task(body());
        co_await rounds(2);
        co_await condition.acquire();
        condition.notify();
        condition.release();
        a.cancel("late");
        co_await a;
        CHECK(log == Log{"notified", "cancelled: late"});
    });
}

TEST_CASE("rule 77: a timeout around a wait ends with the lock held") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Condition condition;
        const auto guard = co_await condition.guard();
        CHECK(co_await outcome(wait_for(condition.wait(), 1ms)) == "timeout");
        CHECK(condition.locked());
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("conditions can share a lock") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        Condition not_empty(lock);
        Condition not_full(lock);
        std::vector<int> items;
        std::vector<int> got;
        const auto produce = [&]() -> Coro<> {
            for (int i = 0; i < 5; ++i) {
                const auto guard = co_await lock.guard();
                const auto has_room = [&] { return items.empty(); };
                co_await not_full.wait_for(has_room);
                items.push_back(i);
                not_empty.notify();
            }
        };
        const auto consume = [&]() -> Coro<> {
            while (got.size() < 5) {
                const auto guard = co_await lock.guard();
                const auto has_item = [&] { return !items.empty(); };
                co_await not_empty.wait_for(has_item);
                got.push_back(items.back());
                items.pop_back();
                not_full.notify();
            }
        };
        const Task<> producer = create_task(produce());
        co_await consume();
        co_await producer;
        CHECK(got == std::vector<int>{0, 1, 2, 3, 4});
    });
}

TEST_CASE("rule 82: a condition, and the lock it uses, belong to the loop of the first wait") {
    Lock lock;
    Condition condition(lock);
    TestLoop test;
    const auto wait_in_vain = [&]() -> Coro<> {
        const auto guard = co_await condition.guard();
        CHECK(co_await outcome(wait_for(condition.wait(), 1ms)) == "timeout");
    };
    test.loop.run_until_complete(wait_in_vain());
    const auto wait_elsewhere = [&]() -> Coro<> {
        const auto guard = co_await condition.guard();
        const std::string end = co_await outcome(condition.wait());
        CHECK(end.find("different event loop") != std::string::npos);
        CHECK(condition.locked());
        CHECK_THROWS_AS(condition.notify(), RuntimeError);
    };
    TestLoop other;
    other.loop.run_until_complete(wait_elsewhere());
    Condition second(lock);
    TestLoop third;
    const auto wait_with_lock_of_another = [&]() -> Coro<> {
        co_await second.acquire();
        const std::string end = co_await outcome(second.wait());
        CHECK(end.find("this Lock is bound") != std::string::npos);
    };
    third.loop.run_until_complete(wait_with_lock_of_another());
}
