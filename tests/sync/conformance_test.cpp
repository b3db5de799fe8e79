#include <cstddef>
#include <optional>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/sync/barrier.hpp>
#include <aio/sync/channel.hpp>
#include <aio/sync/condition.hpp>
#include <aio/sync/event.hpp>
#include <aio/sync/lock.hpp>
#include <aio/sync/queue.hpp>
#include <aio/sync/semaphore.hpp>

#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;

namespace {

/// Has `act` called when the gate opens.
template <class Act>
void when_open(Gate& gate, Act act) {
    gate.future().add_done_callback([act](const Future<int>&) { act(); });
}

Coro<> acquire(Lock& lock, Gate& gate) {
    co_await lock.acquire();
    when_open(gate, [&lock] { lock.release(); });
    co_await lock.acquire();
}
Coro<bool> guard(Lock& lock, Gate& gate) {
    co_await lock.acquire();
    when_open(gate, [&lock] { lock.release(); });
    const auto held = co_await lock.guard();
    co_return held.owns() && lock.locked();
}
Coro<bool> guard(Semaphore& semaphore, Gate& gate) {
    when_open(gate, [&semaphore] { semaphore.release(); });
    const auto held = co_await semaphore.guard();
    co_return held.owns() && semaphore.locked();
}

Coro<> notify(Condition& condition) {
    const auto held = co_await condition.guard();
    condition.notify();
}
Coro<bool> wait(Condition& condition, Gate& gate) {
    const auto held = co_await condition.guard();
    when_open(gate, [&condition] { get_running_loop().create_task(notify(condition)); });
    co_await condition.wait();
    co_return condition.locked();
}
Coro<int> wait_for_value(Condition& condition, Gate& gate, int& value) {
    const auto held = co_await condition.guard();
    const auto act = [&condition, &value] {
        value = 7;
        get_running_loop().create_task(notify(condition));
    };
    when_open(gate, act);
    co_return co_await condition.wait_for([&value] { return value; });
}

Coro<> arrive(Barrier& barrier) { static_cast<void>(co_await barrier.wait()); }

Coro<int> receive(Receiver<int> receiver) {
    const std::optional<int> value = co_await receiver.receive();
    co_return value.value_or(-1);
}

} // namespace

TEST_CASE("conformance: locks, semaphores, events") {
    std::optional<Lock> lock;
    check_conformance("Lock.acquire", [&](Gate& gate) { return acquire(lock.emplace(), gate); });
    check_conformance("Lock.guard", true, [&](Gate& gate) { return guard(lock.emplace(), gate); });
    std::optional<Semaphore> semaphore;
    check_conformance("Semaphore.acquire", [&](Gate& gate) {
        semaphore.emplace(0);
        when_open(gate, [&] { semaphore->release(); });
        return semaphore->acquire();
    });
    check_conformance("Semaphore.guard", true, [&](Gate& gate) { return guard(semaphore.emplace(0), gate); });
    std::optional<Event> event;
    check_conformance("Event.wait", [&](Gate& gate) {
        event.emplace();
        when_open(gate, [&] { event->set(); });
        return event->wait();
    });
}

TEST_CASE("conformance: conditions, barriers") {
    std::optional<Condition> condition;
    int value = 0;
    check_conformance("Condition.wait", true, [&](Gate& gate) { return wait(condition.emplace(), gate); });
    check_conformance("Condition.wait_for", 7, [&](Gate& gate) {
        value = 0;
        return wait_for_value(condition.emplace(), gate, value);
    });
    std::optional<Barrier> barrier;
    check_conformance("Barrier.wait", std::size_t{0}, [&](Gate& gate) {
        barrier.emplace(2U);
        when_open(gate, [&] { get_running_loop().create_task(arrive(*barrier)); });
        return barrier->wait();
    });
}

TEST_CASE("conformance: queues") {
    std::optional<Queue<int>> queue;
    check_conformance("Queue.get", 7, [&](Gate& gate) {
        queue.emplace();
        when_open(gate, [&] { queue->put_nowait(7); });
        return queue->get();
    });
    check_conformance("Queue.put", [&](Gate& gate) {
        queue.emplace(1);
        queue->put_nowait(1);
        when_open(gate, [&] { static_cast<void>(queue->get_nowait()); });
        return queue->put(2);
    });
    check_conformance("Queue.join", [&](Gate& gate) {
        queue.emplace(1);
        queue->put_nowait(1);
        when_open(gate, [&] { queue->task_done(); });
        return queue->join();
    });
    std::optional<PriorityQueue<int>> sorted;
    check_conformance("PriorityQueue.get", 7, [&](Gate& gate) {
        sorted.emplace();
        when_open(gate, [&] { sorted->put_nowait(7); });
        return sorted->get();
    });
}

TEST_CASE("conformance: channels") {
    using Ends = std::pair<Sender<int>, Receiver<int>>;
    std::optional<Ends> ends;
    check_conformance("Sender.send", [&](Gate& gate) {
        ends.emplace(make_channel<int>(0));
        when_open(gate, [&] { static_cast<void>(ends->second.try_receive()); });
        return ends->first.send(1);
    });
    check_conformance("Receiver.receive", std::optional<int>(7), [&](Gate& gate) {
        ends.emplace(make_channel<int>(0));
        when_open(gate, [&] { static_cast<void>(ends->first.try_send(7)); });
        return ends->second.receive();
    });
    check_conformance("Receiver.receive in a coroutine", 7, [&](Gate& gate) {
        ends.emplace(make_channel<int>(0));
        when_open(gate, [&] { static_cast<void>(ends->first.try_send(7)); });
        return receive(ends->second);
    });
    check_conformance("Receiver.for_each", [&](Gate& gate) {
        ends.emplace(make_channel<int>(0));
        when_open(gate, [&] { ends->first.close(); });
        return ends->second.for_each([](int) {});
    });
}
