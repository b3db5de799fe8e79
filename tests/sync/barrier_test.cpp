#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/barrier.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* broken_text = "Barrier.wait: the barrier was reset or aborted";

Coro<> pass(Barrier& barrier, Log& log, std::string name) {
    const std::size_t place = co_await barrier.wait();
    log.push_back(name + std::to_string(place));
}

} // namespace

TEST_CASE("rule 78: a barrier lets its tasks go when all have come, with their places in order of arrival") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Barrier barrier(3);
        Log log;
        CHECK(barrier.parties() == 3);
        const Task<> a = create_task(pass(barrier, log, "a"));
        const Task<> b = create_task(pass(barrier, log, "b"));
        co_await rounds(2);
        CHECK(waits_for(a) == "Barrier.wait");
        CHECK(barrier.n_waiting() == 2);
        CHECK(log.empty());
        const TurnWatch watch(loop);
        CHECK(co_await barrier.wait() == 2);
        CHECK_FALSE(watch.taken());
        CHECK(barrier.n_waiting() == 0);
        co_await b;
        CHECK(log == Log{"a0", "b1"});
        CHECK_FALSE(barrier.broken());
    });
}

TEST_CASE("rule 78: whoever comes while a round is leaving belongs to the next one") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Barrier barrier(2);
        Log log;
        const Task<> a = create_task(pass(barrier, log, "a"));
        co_await rounds(1);
        co_await pass(barrier, log, "b");
        // "a" has not left yet: three newcomers make a round and a half.
        std::vector<Task<>> next;
        for (const char* name : {"c", "d", "e"}) {
            const TaskOptions eager = TaskOptions().eager_start();
            next.push_back(get_running_loop().create_task(pass(barrier, log, name), eager));
        }
        CHECK(barrier.n_waiting() == 0);
        co_await rounds(4);
        CHECK(log == Log{"b1", "a0", "c0", "d1"});
        CHECK(barrier.n_waiting() == 1);
        co_await pass(barrier, log, "f");
        co_await next.at(2);
        CHECK(log == Log{"b1", "a0", "c0", "d1", "f1", "e0"});
    });
}

TEST_CASE("rule 78: a barrier for one never waits; one for nobody is an error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Barrier barrier(1);
        for (int i = 0; i < 3; ++i) CHECK(co_await barrier.wait() == 0);
    });
    CHECK_THROWS_AS(Barrier(0), ValueError);
}

TEST_CASE("rule 78: one that is cancelled counts no more, and the others' places have no gap") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Barrier barrier(3);
        Log log;
        Task<> a = create_task(pass(barrier, log, "a"));
        const Task<> b = create_task(pass(barrier, log, "b"));
        co_await rounds(1);
        a.cancel();
        CHECK(barrier.n_waiting() == 1);
        const Task<> c = create_task(pass(barrier, log, "c"));
        co_await rounds(2);
        CHECK(a.cancelled());
        CHECK(log.empty());
        CHECK(co_await barrier.wait() == 2);
        co_await c;
        CHECK(b.done());
        CHECK(log == Log{"b0", "c1"});
    });
}

TEST_CASE("rules 8 and 78: one that is cancelled when all have come still gets its place") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Barrier barrier(2);
        Log log;
        Task<> a = create_task(pass(barrier, log, "a"));
        co_await rounds(1);
        co_await pass(barrier, log, "b");
        a.cancel();
        barrier.reset();
        static_cast<void>(co_await outcome(a));
        CHECK(log == Log{"b1", "a0"});
    });
}

TEST_CASE("rule 78: reset breaks the round that is filling, and the barrier can be used again") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Barrier barrier(2);
        barrier.reset();
        Log log;
        const Task<std::string> a = create_task(outcome(barrier.wait()));
        co_await rounds(1);
        barrier.reset();
        CHECK(barrier.n_waiting() == 0);
        CHECK_FALSE(barrier.broken());
        const Task<> b = create_task(pass(barrier, log, "b"));
        CHECK(co_await a == broken_text);
        co_await pass(barrier, log, "c");
        co_await b;
        CHECK(log == Log{"c1", "b0"});
    });
}

TEST_CASE("rule 78: abort breaks a barrier for those who wait and for those who come, until a reset") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Barrier barrier(2);
        Log log;
        const Task<std::string> a = create_task(outcome(barrier.wait()));
        co_await rounds(1);
        barrier.abort();
        CHECK(barrier.broken());
        CHECK(barrier.n_waiting() == 0);
        CHECK(co_await outcome(barrier.wait()) == broken_text);
        CHECK(co_await a == broken_text);
        CHECK(co_await outcome(barrier.wait()) == broken_text);
        barrier.reset();
        const Task<> b = create_task(pass(barrier, log, "b"));
        co_await rounds(1);
        co_await pass(barrier, log, "c");
        co_await b;
    });
}

TEST_CASE("rule 82: a barrier belongs to the first loop in which a task had to wait for it") {
    Barrier barrier(2);
    TestLoop test;
    test.loop.run_until_complete(outcome(wait_for(barrier.wait(), 1ms)));
    CHECK(outcome_elsewhere(barrier.wait()).find("different event loop") != std::string::npos);
}
