/// Random programs against simple models: whatever is cancelled, whenever, no lock, unit, item or wake-up is
/// lost, nothing happens twice, and everything ends.
///
/// AIO_TEST_SEEDS says how many seeds are tried, AIO_TEST_SEED with which one to begin (and then only that
/// one is tried, unless both are given).

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/sync/barrier.hpp>
#include <aio/sync/channel.hpp>
#include <aio/sync/condition.hpp>
#include <aio/sync/event.hpp>
#include <aio/sync/lock.hpp>
#include <aio/sync/queue.hpp>
#include <aio/sync/semaphore.hpp>

#include "chaos.hpp"

using namespace aio;
using namespace aio::test;

namespace {

/// At most so many tasks are inside, and in the end everything is free again.
Coro<> locks(Chaos& chaos) {
    Lock lock;
    const int units = 1 + chaos.pick(3);
    Semaphore semaphore(units);
    BoundedSemaphore bounded(2);
    int in_lock = 0;
    int in_semaphore = 0;
    int in_bounded = 0;
    const auto visit_lock = [&]() -> Coro<> {
        const auto guard = co_await lock.guard();
        chaos.expect(++in_lock == 1, "two tasks have the lock");
        const AtEnd leave([&] { --in_lock; });
        co_await rounds(chaos.pick(3));
    };
    const auto visit_semaphore = [&]() -> Coro<> {
        const auto guard = co_await semaphore.guard();
        chaos.expect(++in_semaphore <= units, "more tasks in the semaphore than it has units");
        const AtEnd leave([&] { --in_semaphore; });
        co_await rounds(chaos.pick(3));
    };
    const auto visit_bounded = [&]() -> Coro<> {
        co_await bounded.acquire();
        const AtEnd leave([&] {
            --in_bounded;
            bounded.release();
        });
        chaos.expect(++in_bounded <= 2, "more tasks in the bounded semaphore than it has units");
        co_await rounds(chaos.pick(3));
    };
    for (int i = 0; i < 5; ++i) {
        chaos.start(visit_lock, 10);
        chaos.start(visit_semaphore, 10);
        chaos.start(visit_bounded, 10);
    }
    co_await chaos.rage(60);
    co_await chaos.join("locks");
    chaos.expect(!lock.locked(), "the lock is still locked");
    for (int i = 0; i < units; ++i) {
        chaos.expect(!semaphore.locked(), "the semaphore has lost a unit");
        if (!semaphore.locked()) co_await semaphore.acquire();
    }
    chaos.expect(semaphore.locked(), "the semaphore has gained a unit");
}

/// Tokens are made and taken under a condition, with one notification for each.
Coro<> conditions(Chaos& chaos) {
    Condition condition;
    int tokens = 0;
    int made = 0;
    int taken = 0;
    int holders = 0;
    const auto take = [&]() -> Coro<> {
        const auto guard = co_await condition.guard();
        const auto available = [&] { return tokens > 0; };
        std::exception_ptr error;
        try {
            co_await condition.wait_for(available);
            --tokens;
            ++taken;
        } catch (...) {
            error = std::current_exception();
        }
        chaos.expect(condition.locked() && ++holders == 1, "a wait has ended without the lock");
        const AtEnd leave([&] { --holders; });
        co_await rounds(chaos.pick(2));
        if (error) std::rethrow_exception(error);
    };
    const auto make = [&]() -> Coro<> {
        const auto guard = co_await condition.guard();
        chaos.expect(++holders == 1, "a notifier does not have the lock alone");
        const AtEnd leave([&] { --holders; });
        ++tokens;
        ++made;
        condition.notify();
        co_await rounds(chaos.pick(4));
    };
    // Takers that do not come back: one that did would find by itself the token of a lost notification.
    for (int i = 0; i < 12; ++i) chaos.start(take, 1);
    for (int i = 0; i < 2; ++i) chaos.start(make, 6);
    co_await chaos.rage(20);
    co_await chaos.settle();
    chaos.expect(tokens == 0 || chaos.waiting_for("Condition.wait") == 0,
                 "a notification was lost: there is a token, and somebody waits for one");
    // One by one, so that each has to reach somebody.
    while (chaos.waiting_for("Condition.wait") > 0 && tokens == 0 && made < 1000) {
        co_await make();
        co_await chaos.settle();
    }
    co_await chaos.join("conditions");
    chaos.expect(made == taken + tokens, "tokens do not add up");
    chaos.expect(!condition.locked(), "the condition's lock is still locked");
}

/// Who waits for an event goes on when it is set; rounds of a barrier are complete.
Coro<> events_and_barriers(Chaos& chaos) {
    Event event;
    int sets = 0;
    const std::size_t parties = static_cast<std::size_t>(1 + chaos.pick(3));
    Barrier barrier(parties);
    std::vector<int> places(parties);
    const auto wait_event = [&]() -> Coro<> {
        const int before = event.is_set() ? -1 : sets;
        co_await event.wait();
        chaos.expect(sets > before, "an event has woken somebody without being set");
    };
    const auto set_event = [&]() -> Coro<> {
        event.set();
        ++sets;
        if (chaos.one_in(2)) event.clear();
        co_await rounds(chaos.pick(3));
        event.clear();
    };
    const auto meet = [&]() -> Coro<> {
        try {
            const std::size_t place = co_await barrier.wait();
            ++places.at(place);
        } catch (const BrokenBarrierError&) {
        }
        co_await rounds(chaos.pick(2));
    };
    const auto disturb = [&]() -> Coro<> {
        co_await rounds(chaos.pick(12));
        barrier.reset();
    };
    for (int i = 0; i < 3; ++i) chaos.start(wait_event, 10);
    chaos.start(set_event, 10);
    for (int i = 0; i < 5; ++i) chaos.start(meet, 20);
    chaos.start(disturb, 4);
    co_await chaos.rage(60);
    co_await chaos.settle();
    chaos.expect(barrier.n_waiting() < parties, "a barrier holds a complete round");
    chaos.expect(chaos.waiting_for("Barrier.wait") == barrier.n_waiting(),
                 "somebody waits outside a barrier");
    event.set();
    ++sets;
    barrier.abort();
    co_await chaos.join("events and barriers");
    for (const int count : places) chaos.expect(count == places.front(), "a place in a barrier was lost");
}

/// What was put is got, once, and nobody waits without a reason.
template <class Q>
Coro<> queues(Chaos& chaos, Q& queue) {
    constexpr int per_producer = 100;
    int next = 0;
    std::set<int> put;
    std::set<int> got;
    const auto produce = [&]() -> Coro<> {
        const int item = next++;
        try {
            co_await queue.put(item);
            put.insert(item);
        } catch (const QueueShutDown&) {
        }
    };
    const auto produce_at_once = [&]() -> Coro<> {
        if (!queue.full()) {
            const int item = next++;
            queue.put_nowait(item);
            put.insert(item);
        }
        co_return;
    };
    const auto consume = [&]() -> Coro<> {
        try {
            const int item = co_await queue.get();
            chaos.expect(got.insert(item).second, "an item was got twice");
            const AtEnd done([&] { queue.task_done(); });
            co_await rounds(chaos.pick(2));
        } catch (const QueueShutDown&) {
        }
    };
    const auto snatch = [&]() -> Coro<> {
        if (!queue.empty()) {
            chaos.expect(got.insert(queue.get_nowait()).second, "an item was got twice");
            queue.task_done();
        }
        co_return;
    };
    const auto join = [&]() -> Coro<> { co_await queue.join(); };
    for (int i = 0; i < 3; ++i) chaos.start(produce, per_producer);
    for (int i = 0; i < 3; ++i) chaos.start(consume, per_producer);
    chaos.start(produce_at_once, 10);
    chaos.start(snatch, 20);
    chaos.start(join, 10);
    co_await chaos.rage(60);
    co_await chaos.settle();
    chaos.expect(queue.empty() || chaos.waiting_for("Queue.get") == 0,
                 "an item lies there, and somebody waits");
    chaos.expect(queue.full() || chaos.waiting_for("Queue.put") == 0, "there is room, and somebody waits");
    queue.shutdown();
    while (!queue.empty()) {
        chaos.expect(got.insert(queue.get_nowait()).second, "an item was got twice");
        queue.task_done();
    }
    co_await chaos.join("queues");
    chaos.expect(put == got, "what was put is not what was got");
    co_await queue.join();
}

/// The same for channels: what was sent is received, once, and the end reaches everybody.
Coro<> channels(Chaos& chaos) {
    auto [first_sender, first_receiver] = make_channel<int>(static_cast<std::size_t>(chaos.pick(3)));
    std::optional<Sender<int>> sender(std::move(first_sender));
    std::optional<Receiver<int>> receiver(std::move(first_receiver));
    int next = 0;
    int ends = 0;
    std::set<int> sent;
    std::set<int> received;
    std::set<int> given_back;
    const auto send = [&, sender = *sender]() -> Coro<> {
        const int value = next++;
        try {
            co_await sender.send(value);
            sent.insert(value);
        } catch (const SendError<int>& error) {
            chaos.expect(error.value() == value, "another value was given back");
            given_back.insert(error.value());
        }
    };
    const auto receive = [&, receiver = *receiver]() -> Coro<> {
        const std::optional<int> value = co_await receiver.receive();
        if (!value)
            ++ends;
        else
            chaos.expect(received.insert(*value).second, "a value was received twice");
        co_await rounds(chaos.pick(2));
    };
    const auto snatch = [&, receiver = *receiver]() -> Coro<> {
        const std::optional<int> value = receiver.try_receive();
        if (value) chaos.expect(received.insert(*value).second, "a value was received twice");
        co_return;
    };
    for (int i = 0; i < 3; ++i) chaos.start(send, 100);
    for (int i = 0; i < 3; ++i) chaos.start(receive, 100);
    chaos.start(snatch, 20);
    co_await chaos.rage(60);
    co_await chaos.settle();
    chaos.expect(chaos.waiting_for("Receiver.receive") == 0 || chaos.waiting_for("Sender.send") == 0,
                 "a sender and a receiver wait for each other");
    chaos.expect(receiver->size() == 0 || chaos.waiting_for("Receiver.receive") == 0,
                 "a value lies there, and somebody waits");
    chaos.expect(receiver->size() == receiver->capacity() || chaos.waiting_for("Sender.send") == 0,
                 "there is room, and a sender waits");
    if (chaos.one_in(2))
        sender->close();
    else
        receiver->close();
    co_await chaos.join("channels");
    while (true) {
        const std::optional<int> value = co_await receiver->receive();
        if (!value) break;
        chaos.expect(received.insert(*value).second, "a value was received twice");
    }
    chaos.expect(sent == received, "what was sent is not what was received");
}

template <class Scenario>
void play(unsigned seed, Scenario scenario) {
    Chaos chaos(seed);
    TestLoop test;
    const auto main = [&]() -> Coro<> { co_await scenario(chaos); };
    test.loop.run_until_complete(main());
    CHECK(lines(chaos.violations) == "");
}

unsigned number_from(const char* variable, unsigned otherwise) {
    const char* const text = std::getenv(variable);
    return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

template <class Scenario>
void play_all(Scenario scenario) {
    const bool one = std::getenv("AIO_TEST_SEED") != nullptr;
    const unsigned first = number_from("AIO_TEST_SEED", 1);
    const unsigned count = number_from("AIO_TEST_SEEDS", one ? 1 : 100);
    for (unsigned seed = first; seed < first + count; ++seed) {
        INFO("AIO_TEST_SEED=" << seed);
        play(seed, scenario);
    }
}

} // namespace

TEST_CASE("random cancellation: locks and semaphores lose no unit") { play_all(locks); }

TEST_CASE("random cancellation: conditions lose no notification") { play_all(conditions); }

TEST_CASE("random cancellation: events wake everybody, barriers lose no place") {
    play_all(events_and_barriers);
}

TEST_CASE("random cancellation: queues lose no item and no wake-up") {
    play_all([](Chaos& chaos) -> Coro<> {
        Queue<int> queue(chaos.pick(4));
        co_await queues(chaos, queue);
    });
    play_all([](Chaos& chaos) -> Coro<> {
        PriorityQueue<int, std::greater<int>> queue(1 + chaos.pick(3));
        co_await queues(chaos, queue);
    });
    play_all([](Chaos& chaos) -> Coro<> {
        LifoQueue<int> queue(1 + chaos.pick(3));
        co_await queues(chaos, queue);
    });
}

TEST_CASE("random cancellation: channels lose no value, and their end reaches everybody") {
    play_all(channels);
}
