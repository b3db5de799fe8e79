#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/event.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> wait_and_log(Event& event, Log& log, std::string name) {
    co_await event.wait();
    log.push_back(name);
}

} // namespace

TEST_CASE("rule 75: setting an event wakes all who wait, in order, even if it is cleared at once") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Event event;
        Log log;
        const Task<> a = create_task(wait_and_log(event, log, "a"));
        const Task<> b = create_task(wait_and_log(event, log, "b"));
        co_await rounds(1);
        CHECK(waits_for(a) == "Event.wait");
        event.set();
        event.clear();
        CHECK_FALSE(event.is_set());
        const Task<> late = create_task(wait_and_log(event, log, "late"));
        co_await rounds(3);
        CHECK(log == Log{"a", "b"});
        CHECK(b.done());
        event.set();
        co_await late;
        CHECK(log == Log{"a", "b", "late"});
    });
}

TEST_CASE("waiting for an event that is set does not give way") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Event event;
        event.set();
        event.set();
        CHECK(event.is_set());
        const TurnWatch watch(loop);
        co_await event.wait();
        CHECK_FALSE(watch.taken());
    });
}

TEST_CASE("cancelling one who waits for an event does not concern the others") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Event event;
        Log log;
        Task<> a = create_task(wait_and_log(event, log, "a"));
        const Task<> b = create_task(wait_and_log(event, log, "b"));
        co_await rounds(1);
        a.cancel();
        event.set();
        co_await b;
        CHECK(a.cancelled());
        CHECK(log == Log{"b"});
        event.clear();
        CHECK(co_await outcome(wait_for(event.wait(), 1ms)) == "timeout");
    });
}

TEST_CASE("rule 82: an event belongs to the first loop in which a task had to wait for it") {
    Event event;
    TestLoop test;
    test.loop.run_until_complete(outcome(wait_for(event.wait(), 1ms)));
    CHECK(outcome_elsewhere(event.wait()).find("different event loop") != std::string::npos);
    event.set();
    CHECK(outcome_elsewhere(event.wait()) == "value");
}
