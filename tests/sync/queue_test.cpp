#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/queue.hpp>

#include "sync_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* shut_down = "the queue has been shut down";

template <class Q>
Coro<> get_and_log(Q& queue, Log& log, std::string name) {
    const int item = co_await queue.get();
    log.push_back(name + std::to_string(item));
}
template <class Q>
Coro<> put_and_log(Q& queue, Log& log, int item) {
    co_await queue.put(item);
    log.push_back("put" + std::to_string(item));
}

template <class Q>
std::vector<int> drain(Q& queue) {
    std::vector<int> items;
    while (!queue.empty()) items.push_back(queue.get_nowait());
    return items;
}

} // namespace

TEST_CASE("rule 79: put and get do not give way when there is nothing to wait for") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Queue<int> queue(2);
        const TurnWatch watch(loop);
        CHECK(queue.maxsize() == 2);
        CHECK(queue.empty());
        co_await queue.put(1);
        CHECK(queue.qsize() == 1);
        CHECK_FALSE(queue.full());
        co_await queue.put(2);
        CHECK(queue.full());
        CHECK(co_await queue.get() == 1);
        CHECK(co_await queue.get() == 2);
        CHECK(queue.empty());
        CHECK_FALSE(watch.taken());
    });
}

TEST_CASE("rule 79: get waits while the queue is empty, in order; put while it is full") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue(1);
        Log log;
        const Task<> a = create_task(get_and_log(queue, log, "a"));
        const Task<> b = create_task(get_and_log(queue, log, "b"));
        co_await rounds(1);
        CHECK(waits_for(a) == "Queue.get");
        co_await queue.put(1);
        co_await queue.put(2);
        co_await b;
        CHECK(log == Log{"a1", "b2"});
        log.clear();
        co_await queue.put(3);
        const Task<> c = create_task(put_and_log(queue, log, 4));
        const Task<> d = create_task(put_and_log(queue, log, 5));
        co_await rounds(2);
        CHECK(waits_for(c) == "Queue.put");
        CHECK(log.empty());
        CHECK(co_await queue.get() == 3);
        CHECK(co_await queue.get() == 4);
        CHECK(co_await queue.get() == 5);
        co_await d;
        CHECK(log == Log{"put4", "put5"});
    });
}

TEST_CASE("rule 79: without a maxsize a queue is never full") {
    for (const std::ptrdiff_t maxsize : {0, -1}) {
        Queue<int> queue(maxsize);
        for (int i = 0; i < 100; ++i) queue.put_nowait(i);
        CHECK_FALSE(queue.full());
        CHECK(queue.qsize() == 100);
        CHECK(drain(queue).back() == 99);
    }
}

TEST_CASE("rule 79: put_nowait and get_nowait never wait, and leave a refused item alone") {
    Queue<std::unique_ptr<int>> queue(1);
    CHECK_THROWS_AS(queue.get_nowait(), QueueEmpty);
    queue.put_nowait(std::make_unique<int>(1));
    auto refused = std::make_unique<int>(2);
    CHECK_THROWS_AS(queue.put_nowait(std::move(refused)), QueueFull);
    CHECK(refused != nullptr);
    CHECK(*queue.get_nowait() == 1);
}

TEST_CASE("rule 79: a newcomer may be faster than one who was woken, who then waits again") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue;
        Log log;
        const Task<> a = create_task(get_and_log(queue, log, "a"));
        co_await rounds(1);
        queue.put_nowait(1);
        CHECK(queue.qsize() == 1);
        CHECK(queue.get_nowait() == 1);
        co_await rounds(3);
        CHECK(waits_for(a) == "Queue.get");
        queue.put_nowait(2);
        co_await a;
        CHECK(log == Log{"a2"});

        Queue<int> full(1);
        full.put_nowait(1);
        const Task<> b = create_task(put_and_log(full, log, 3));
        co_await rounds(1);
        CHECK(full.get_nowait() == 1);
        full.put_nowait(2);
        co_await rounds(3);
        CHECK(waits_for(b) == "Queue.put");
        CHECK(full.get_nowait() == 2);
        co_await b;
        CHECK(full.get_nowait() == 3);
    });
}

TEST_CASE("rules 8 and 79: one that is woken and then cancelled takes its item") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue;
        Log log;
        Task<> a = create_task(get_and_log(queue, log, "a"));
        const Task<> b = create_task(get_and_log(queue, log, "b"));
        co_await rounds(1);
        queue.put_nowait(1);
        a.cancel();
        queue.put_nowait(2);
        co_await b;
        CHECK(log == Log{"a1", "b2"});
    });
}

TEST_CASE("rule 79: one that is woken, overtaken and cancelled loses no wake-up of others") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue;
        Log log;
        Task<> a = create_task(get_and_log(queue, log, "a"));
        const Task<> b = create_task(get_and_log(queue, log, "b"));
        co_await rounds(1);
        queue.put_nowait(1);
        CHECK(queue.get_nowait() == 1);
        a.cancel();
        queue.put_nowait(2);
        static_cast<void>(co_await outcome(a));
        queue.put_nowait(3);
        co_await b;
        CHECK(log.size() + queue.qsize() == 2);
        CHECK(b.done());
    });
}

TEST_CASE("rule 79: a cancelled getter takes no item, a cancelled putter puts none") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue(1);
        CHECK(co_await outcome(wait_for(queue.get(), 1ms)) == "timeout");
        queue.put_nowait(1);
        CHECK(co_await outcome(wait_for(queue.put(2), 1ms)) == "timeout");
        CHECK(drain(queue) == std::vector<int>{1});
    });
}

TEST_CASE("rule 79: items need no more than a move constructor") {
    class Fixed {
    public:
        explicit Fixed(int n) : number(n) {}
        const int number;
    };
    Queue<Fixed> queue;
    for (int i = 0; i < 50; ++i) {
        queue.put_nowait(Fixed(2 * i));
        queue.put_nowait(Fixed(2 * i + 1));
        CHECK(queue.get_nowait().number == i);
    }
    CHECK(queue.qsize() == 50);
}

TEST_CASE("rule 79: items may be move-only") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<std::unique_ptr<int>> queue(1);
        const auto produce = [&]() -> Coro<> {
            for (int i = 0; i < 10; ++i) co_await queue.put(std::make_unique<int>(i));
        };
        const Task<> producer = create_task(produce());
        for (int i = 0; i < 10; ++i) {
            const std::unique_ptr<int> item = co_await queue.get();
            CHECK(*item == i);
        }
        co_await producer;
    });
}

TEST_CASE("a LifoQueue gives the latest item first, a PriorityQueue the smallest") {
    run_in_loop([](EventLoop&) -> Coro<> {
        LifoQueue<int> lifo;
        PriorityQueue<int> smallest;
        PriorityQueue<int, std::greater<int>> greatest;
        for (const int item : {3, 1, 4, 1, 5}) {
            co_await lifo.put(item);
            co_await smallest.put(item);
            co_await greatest.put(item);
        }
        CHECK(drain(lifo) == std::vector<int>{5, 1, 4, 1, 3});
        CHECK(drain(smallest) == std::vector<int>{1, 1, 3, 4, 5});
        CHECK(drain(greatest) == std::vector<int>{5, 4, 3, 1, 1});
        const auto shorter = [](const std::string& a, const std::string& b) { return a.size() < b.size(); };
        PriorityQueue<std::string, decltype(shorter)> words(2, shorter);
        co_await words.put("long");
        co_await words.put("s");
        CHECK(words.full());
        CHECK(co_await words.get() == "s");
    });
}

TEST_CASE("rule 80: join waits until every item is done; task_done too often is an error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue;
        co_await queue.join();
        CHECK_THROWS_AS(queue.task_done(), ValueError);
        queue.put_nowait(1);
        queue.put_nowait(2);
        const auto join = [&]() -> Coro<> { co_await queue.join(); };
        const Task<> a = create_task(join());
        const Task<> b = create_task(join());
        co_await rounds(1);
        CHECK(waits_for(a) == "Queue.join");
        drain(queue);
        queue.task_done();
        co_await rounds(2);
        CHECK_FALSE(a.done());
        queue.task_done();
        queue.put_nowait(3);
        co_await a;
        co_await b;
        CHECK(co_await outcome(wait_for(queue.join(), 1ms)) == "timeout");
        queue.task_done();
        CHECK_THROWS_AS(queue.task_done(), ValueError);
    });
}

TEST_CASE("rule 81: after shutdown puts fail, gets drain the queue and then fail") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue(1);
        queue.put_nowait(1);
        const Task<std::string> blocked = create_task(outcome(queue.put(2)));
        co_await rounds(1);
        queue.shutdown();
        queue.shutdown();
        CHECK(co_await outcome(queue.put(3)) == shut_down);
        CHECK_THROWS_AS(queue.put_nowait(3), QueueShutDown);
        CHECK(co_await blocked == shut_down);
        CHECK(co_await queue.get() == 1);
        CHECK(co_await outcome(queue.get()) == shut_down);
        CHECK_THROWS_AS(queue.get_nowait(), QueueShutDown);
        const Task<std::string> join = create_task(outcome(queue.join()));
        co_await rounds(1);
        CHECK_FALSE(join.done());
        queue.task_done();
        CHECK(co_await join == "value");

        Queue<int> empty;
        const Task<std::string> getter = create_task(outcome(empty.get()));
        co_await rounds(1);
        empty.shutdown();
        CHECK(co_await getter == shut_down);
    });
}

TEST_CASE("rule 81: an immediate shutdown throws the items away, and lets join go") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Queue<int> queue;
        for (int i = 0; i < 3; ++i) queue.put_nowait(i);
        CHECK(queue.get_nowait() == 0);
        const Task<std::string> join = create_task(outcome(queue.join()));
        co_await rounds(1);
        queue.shutdown(true);
        CHECK(queue.empty());
        CHECK_THROWS_AS(queue.get_nowait(), QueueShutDown);
        co_await rounds(2);
        // The item that was got is still being dealt with.
        CHECK_FALSE(join.done());
        queue.task_done();
        CHECK(co_await join == "value");
        queue.shutdown(true);
    });
}

TEST_CASE("rule 82: a queue belongs to the first loop in which a task had to wait for it") {
    Queue<int> queue(1);
    TestLoop test;
    test.loop.run_until_complete(outcome(wait_for(queue.get(), 1ms)));
    CHECK(outcome_elsewhere(queue.get()).find("different event loop") != std::string::npos);
    queue.put_nowait(1);
    CHECK(outcome_elsewhere(queue.put(2)).find("different event loop") != std::string::npos);
    CHECK(outcome_elsewhere(queue.get()).find("different event loop") != std::string::npos);
    CHECK(outcome_elsewhere(queue.join()).find("different event loop") != std::string::npos);
    const auto use = [&]() -> Coro<> {
        CHECK_THROWS_AS(queue.get_nowait(), RuntimeError);
        CHECK_THROWS_AS(queue.task_done(), RuntimeError);
        CHECK_THROWS_AS(queue.shutdown(), RuntimeError);
        co_return;
    };
    TestLoop other;
    other.loop.run_until_complete(use());
    CHECK(drain(queue) == std::vector<int>{1});
}
