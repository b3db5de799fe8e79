#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/sync/barrier.hpp>
#include <aio/sync/channel.hpp>
#include <aio/sync/condition.hpp>
#include <aio/sync/event.hpp>
#include <aio/sync/lock.hpp>
#include <aio/sync/queue.hpp>
#include <aio/sync/semaphore.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

/// One of everything, and how often what was waited for has come.
class Objects {
public:
    Objects() = default;
    Lock lock;
    Event event;
    Semaphore semaphore{0};
    Condition condition;
    Condition with_lock{lock};
    Barrier barrier{100};
    Queue<int> empty;
    Queue<int> full{1};
};

Coro<> hold_lock(Objects& o) {
    const auto guard = co_await o.lock.guard();
    co_await sleep(1h);
}
Coro<> hold_unit(Objects& o) {
    const auto guard = co_await o.semaphore.guard();
    co_await sleep(1h);
}
Coro<> wait_event(Objects& o) { co_await o.event.wait(); }
Coro<> wait_condition(Objects& o) {
    const auto guard = co_await o.condition.guard();
    co_await o.condition.wait();
}
Coro<> wait_with_lock(Objects& o) {
    const auto guard = co_await o.with_lock.guard();
    co_await o.with_lock.wait();
}
Coro<> wait_barrier(Objects& o) { co_await o.barrier.wait(); }
Coro<> wait_get(Objects& o) { static_cast<void>(co_await o.empty.get()); }
Coro<> wait_put(Objects& o) { co_await o.full.put(2); }
Coro<> wait_join(Objects& o) { co_await o.full.join(); }

void start_all(EventLoop& loop, Objects& o) {
    o.full.put_nowait(1);
    for (int i = 0; i < 2; ++i) {
        loop.create_task(wait_with_lock(o));
        loop.create_task(hold_lock(o));
        loop.create_task(hold_unit(o));
        loop.create_task(wait_event(o));
        loop.create_task(wait_condition(o));
        loop.create_task(wait_barrier(o));
        loop.create_task(wait_get(o));
        loop.create_task(wait_put(o));
        loop.create_task(wait_join(o));
    }
}

/// Wakes somebody of each kind, who will not have his turn.
Coro<> wake_some(Objects& o) {
    o.semaphore.release();
    o.event.set();
    o.empty.put_nowait(1);
    static_cast<void>(o.full.get_nowait());
    o.full.task_done();
    const auto guard = co_await o.condition.guard();
    o.condition.notify();
}

Coro<> own_and_sleep(EventLoop& loop) {
    Objects objects;
    start_all(loop, objects);
    co_await sleep(1h);
}

} // namespace

TEST_CASE("a loop can close while tasks wait for objects that outlive it, and those are as free as before") {
    for (const bool with_some_woken : {false, true}) {
        Objects o;
        {
            TestLoop test;
            start_all(test.loop, o);
            const auto main = [&]() -> Coro<> {
                co_await rounds(5);
                if (with_some_woken) co_await wake_some(o);
            };
            test.loop.run_until_complete(main());
        }
        CHECK_FALSE(o.lock.locked());
        CHECK_FALSE(o.condition.locked());
        CHECK(o.barrier.n_waiting() == 0);
        CHECK(o.semaphore.locked() == !with_some_woken);
        // Nobody needs to wait, so another loop may use them.
        CHECK(outcome_elsewhere(o.lock.acquire()) == "value");
        CHECK(outcome_elsewhere(o.condition.acquire()) == "value");
    }
}

TEST_CASE("a loop can close when an object lies in the frame of a task that is destroyed before the others") {
    for (const bool owner_first : {true, false}) {
        TestLoop test;
        std::optional<Objects> late;
        const auto main = [&]() -> Coro<> { co_await rounds(6); };
        if (owner_first) {
            test.loop.create_task(own_and_sleep(test.loop));
        } else {
            late.emplace();
            start_all(test.loop, *late);
        }
        test.loop.run_until_complete(main());
        CHECK(all_tasks(test.loop).size() >= 16);
        test.loop.close();
        CHECK(all_tasks(test.loop).empty());
    }
}

TEST_CASE("a guard may outlive its lock when a loop closes") {
    TestLoop test;
    Lock* shared = nullptr;
    const auto owner = [&]() -> Coro<> {
        Lock lock;
        shared = &lock;
        co_await sleep(1h);
    };
    const auto user = [&]() -> Coro<> {
        const auto guard = co_await shared->guard();
        co_await sleep(1h);
    };
    test.loop.create_task(owner());
    test.loop.create_task(user());
    const auto main = [&]() -> Coro<> { co_await rounds(3); };
    test.loop.run_until_complete(main());
    test.loop.close();
    CHECK(test.reports.size() == 2);
}

TEST_CASE("destroying an object for which tasks wait wakes them with an error that says so") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::optional<Objects> o(std::in_place);
        const auto guard = co_await o->lock.guard();
        o->full.put_nowait(1);
        std::vector<Task<std::string>> tasks;
        tasks.push_back(loop.create_task(outcome(o->lock.acquire())));
        tasks.push_back(loop.create_task(outcome(o->event.wait())));
        tasks.push_back(loop.create_task(outcome(o->semaphore.acquire())));
        tasks.push_back(loop.create_task(outcome(wait_condition(*o))));
        tasks.push_back(loop.create_task(outcome(o->barrier.wait())));
        tasks.push_back(loop.create_task(outcome(o->empty.get())));
        tasks.push_back(loop.create_task(outcome(o->full.put(2))));
        tasks.push_back(loop.create_task(outcome(o->full.join())));
        co_await rounds(2);
        o.reset();
        const std::string why = ": the object was destroyed while a task waited for it";
        Log ends;
        for (const Task<std::string>& task : tasks) {
            std::string end = co_await task;
            ends.push_back(std::move(end));
        }
        const Log expected{"Lock.acquire" + why,
                           "Event.wait" + why,
                           "Semaphore.acquire" + why,
                           "Condition.wait: the condition was destroyed while a task waited for it",
                           "Barrier.wait" + why,
                           "Queue.get" + why,
                           "Queue.put" + why,
                           "Queue.join" + why};
        CHECK(lines(ends) == lines(expected));
        CHECK_FALSE(guard.owns());
    });
}

TEST_CASE("a condition that is destroyed while tasks wait leaves them with the lock, if that is another's") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Lock lock;
        std::optional<Condition> condition(std::in_place, lock);
        Log log;
        const auto body = [&]() -> Coro<> {
            const auto guard = co_await condition->guard();
            const std::string end = co_await outcome(condition->wait());
            log.push_back(end);
            CHECK(lock.locked());
            co_await rounds(1);
        };
        const Task<> a = create_task(body());
        const Task<> b = create_task(body());
        co_await rounds(3);
        condition.reset();
        co_await a;
        co_await b;
        const std::string text = "Condition.wait: the condition was destroyed while a task waited for it";
        CHECK(log == Log{text, text});
        CHECK_FALSE(lock.locked());
    });
}

TEST_CASE("an event or a barrier may go as soon as it has let its tasks go") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::optional<Event> event(std::in_place);
        std::optional<Barrier> barrier(std::in_place, 2U);
        const auto wait_for_event = [&]() -> Coro<> { co_await event->wait(); };
        const auto wait_for_barrier = [&]() -> Coro<std::size_t> { co_return co_await barrier->wait(); };
        const Task<> a = create_task(wait_for_event());
        const Task<std::size_t> b = create_task(wait_for_barrier());
        co_await rounds(1);
        event->set();
        event.reset();
        CHECK(co_await barrier->wait() == 1);
        barrier.reset();
        co_await a;
        CHECK(co_await b == 0);
    });
}

TEST_CASE("a lock or a semaphore that goes between a grant and the turn of the one that has it is an error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::optional<Lock> lock(std::in_place);
        std::optional<Semaphore> semaphore(std::in_place, 0);
        co_await lock->acquire();
        const Task<std::string> a = create_task(outcome(lock->acquire()));
        const Task<std::string> b = create_task(outcome(semaphore->acquire()));
        co_await rounds(2);
        lock->release();
        semaphore->release();
        lock.reset();
        semaphore.reset();
        CHECK(co_await a == "Lock.acquire: the lock was destroyed before its turn came");
        CHECK(co_await b == "Semaphore.acquire: the semaphore was destroyed before its turn came");
    });
}

TEST_CASE("a loop can close while both ends of a channel wait, with values under way") {
    int alive = 0;
    {
        TestLoop test;
        const auto main = [&]() -> Coro<> {
            auto [sender, receiver] = make_channel<Tracer>(1);
            const auto send = [&alive](Sender<Tracer> to) -> Coro<> {
                while (true) co_await to.send(Tracer(alive));
            };
            const auto receive = [](Receiver<Tracer> from) -> Coro<> {
                static_cast<void>(co_await from.receive());
                co_await sleep(1h);
            };
            for (int i = 0; i < 3; ++i) get_running_loop().create_task(receive(receiver));
            co_await rounds(1);
            for (int i = 0; i < 3; ++i) get_running_loop().create_task(send(sender));
            co_await rounds(1);
        };
        test.loop.run_until_complete(main());
        CHECK(alive > 3);
    }
    CHECK(alive == 0);
}
