#include "patience.hpp"

#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/structure/run.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#endif

using namespace std::chrono_literals;

namespace {

std::string thread_name() {
#if defined(__linux__)
    char name[64] = {};
    pthread_getname_np(pthread_self(), name, sizeof name);
    return name;
#else
    return {};
#endif
}

int square(int x) { return x * x; }

void wait_at(patience::Gate& gate) { gate.wait(); }

} // namespace

TEST_CASE("thread pool: results, exceptions, move-only arguments and results") {
    aio::ThreadPoolExecutor pool(2);
    CHECK(pool.submit(square, 12).result(patience::limit) == 144);
    CHECK_THROWS_WITH_AS(pool.submit([] { throw std::out_of_range("far"); }).result(patience::limit), "far",
                         std::out_of_range);
    const auto moved = pool.submit([](std::unique_ptr<int> p) { return std::make_unique<int>(*p + 1); },
                                   std::make_unique<int>(4));
    CHECK(*moved.result(patience::limit) == 5);
    CHECK_THROWS_AS(aio::ThreadPoolExecutor(0), aio::ValueError);
    CHECK_THROWS_AS(aio::ThreadPoolExecutor(-1), aio::ValueError);
    CHECK(aio::ThreadPoolExecutor(3).max_workers() == 3);
}

TEST_CASE("rule 109: a thread is started for a call when none is idle, and reused when one is") {
    [[maybe_unused]] const auto name = [] { return thread_name(); };
    std::set<std::thread::id> ids;
    std::mutex mutex;
    patience::Counter arrived;
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(8, "reuse");
    const auto meet = [&] {
        {
            const std::lock_guard lock(mutex);
            ids.insert(std::this_thread::get_id());
        }
        arrived.add();
        gate.wait();
    };
    for (int i = 0; i < 3; ++i) pool.submit(meet);
    CHECK(arrived.wait_for(3));
    CHECK(ids.size() == 3);
    gate.open();
#if defined(__linux__)
    CHECK(pool.submit(name).result(patience::limit).starts_with("reuse_"));
#endif
    aio::ThreadPoolExecutor one(1, "only");
    const auto id = [] { return std::this_thread::get_id(); };
    const auto first = one.submit(id).result(patience::limit);
    for (int i = 0; i < 10; ++i) CHECK(one.submit(id).result(patience::limit) == first);
#if defined(__linux__)
    CHECK(one.submit(name).result(patience::limit) == "only_0");
#endif
}

TEST_CASE("thread pool: calls of one thread run in order") {
    aio::ThreadPoolExecutor pool(1);
    std::vector<int> order;
    std::vector<aio::ConcurrentFuture<>> futures;
    for (int i = 0; i < 100; ++i) futures.push_back(pool.submit([&order, i] { order.push_back(i); }));
    for (const auto& future : futures) future.result(patience::limit);
    for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("rule 109: each thread runs the initializer first") {
    std::atomic<int> initialised = 0;
    aio::ThreadPoolExecutor pool(2, "init", [&] { ++initialised; });
    CHECK(initialised == 0);
    CHECK(pool.submit([&] { return initialised.load(); }).result(patience::limit) >= 1);
}

TEST_CASE("rule 109: a failing initializer breaks the pool, for queued calls and later ones") {
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(1, "bad", [&] {
        gate.wait();
        throw std::runtime_error("no licence, and meant to be printed");
    });
    const auto first = pool.submit(square, 1);
    const auto second = pool.submit(square, 2);
    gate.open();
    CHECK_THROWS_AS(first.result(patience::limit), aio::BrokenThreadPool);
    CHECK_THROWS_AS(second.result(patience::limit), aio::BrokenThreadPool);
    CHECK_THROWS_AS(static_cast<void>(pool.submit(square, 3)), aio::BrokenThreadPool);
    try {
        pool.submit(square, 3);
    } catch (const aio::BrokenExecutor& error) {
        CHECK(std::string(error.what()).find("no licence") != std::string::npos);
    }
}

TEST_CASE("rule 107: after shutdown calls are refused, and what is queued still runs") {
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(1, "down");
    const auto running = pool.submit(wait_at, std::ref(gate));
    const auto queued = pool.submit(square, 3);
    pool.shutdown(false);
    CHECK_THROWS_AS(static_cast<void>(pool.submit(square, 4)), aio::RuntimeError);
    CHECK_FALSE(queued.done());
    gate.open();
    CHECK(queued.result(patience::limit) == 9);
    pool.shutdown();
    pool.shutdown();
}

TEST_CASE("rule 107: cancel_futures cancels what has not started, and nothing else") {
    patience::Gate gate;
    patience::Counter started;
    aio::ThreadPoolExecutor pool(1);
    const auto running = pool.submit([&] {
        started.add();
        gate.wait();
        return 1;
    });
    auto kept = std::make_shared<int>(1);
    const auto queued = pool.submit([kept] { return *kept; });
    REQUIRE(started.wait_for(1));
    pool.shutdown(false, true);
    CHECK(queued.cancelled());
    CHECK(kept.use_count() == 1);
    CHECK(running.running());
    gate.open();
    CHECK(running.result(patience::limit) == 1);
}

TEST_CASE("rule 107: the destructor waits for all calls") {
    std::atomic<int> ended = 0;
    {
        aio::ThreadPoolExecutor pool(2);
        for (int i = 0; i < 20; ++i)
            pool.submit([&] {
                std::this_thread::yield();
                ++ended;
            });
    }
    CHECK(ended == 20);
}

TEST_CASE("rule 107: everyone who shuts down and waits does wait, also for a call that shuts down itself") {
    std::atomic<bool> ended = false;
    patience::Gate shut_down;
    patience::Gate gate;
    {
        aio::ThreadPoolExecutor pool(2);
        pool.submit([&] {
            pool.shutdown(true);
            shut_down.open();
            gate.wait();
            ended = true;
        });
        REQUIRE(shut_down.wait());
        std::thread opener([&] {
            std::this_thread::yield();
            gate.open();
        });
        std::thread other([&] {
            pool.shutdown(true);
            CHECK(ended);
        });
        pool.shutdown(true);
        CHECK(ended);
        other.join();
        opener.join();
    }
    // Two calls that shut down and wait do not wait for each other.
    patience::Counter both;
    aio::ThreadPoolExecutor pool(2);
    const auto meet_and_end = [&] {
        both.add();
        both.wait_for(2);
        pool.shutdown(true);
    };
    const auto first = pool.submit(meet_and_end);
    const auto second = pool.submit(meet_and_end);
    first.result(patience::limit);
    second.result(patience::limit);
}

TEST_CASE("thread pool: a call may drop the last reference to its own pool") {
    patience::Gate handed_over;
    auto pool = std::make_shared<aio::ThreadPoolExecutor>(2);
    std::weak_ptr<aio::ThreadPoolExecutor> watch = pool;
    auto* raw = pool.get();
    const auto future = raw->submit([&handed_over, pool]() mutable {
        handed_over.wait();
        pool.reset();
    });
    pool.reset();
    handed_over.open();
    future.result(patience::limit);
    CHECK(patience::until([&] { return watch.expired(); }));
}

TEST_CASE("thread pool: a cancelled call never runs, and its arguments do not stay") {
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(1);
    pool.submit(wait_at, std::ref(gate));
    auto argument = std::make_shared<int>(1);
    bool ran = false;
    const auto future = pool.submit([&ran](const std::shared_ptr<int>&) { ran = true; }, argument);
    CHECK(future.cancel());
    gate.open();
    pool.shutdown(true);
    CHECK_FALSE(ran);
    CHECK(argument.use_count() == 1);
}

TEST_CASE("thread pool: a future completed by hand is left as it is") {
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(1);
    const auto future = pool.submit([&] {
        gate.wait();
        return 1;
    });
    future.set_result(2);
    gate.open();
    pool.shutdown(true);
    CHECK(future.result() == 2);
}

TEST_CASE("thread pool: many threads submit while calls submit too") {
    std::atomic<int> count = 0;
    {
        aio::ThreadPoolExecutor pool(4);
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 200; ++i) {
                    const auto future = pool.submit([&] {
                        ++count;
                        pool.submit([&] { ++count; });
                    });
                    if (i % 10 == 0) future.result(patience::limit);
                }
            });
        for (auto& thread : threads) thread.join();
        CHECK(patience::until([&] { return count == 1600; }));
    }
    CHECK(count == 1600);
}

TEST_CASE("thread pool: results come to the loop, in batches or one by one") {
    aio::run([]() -> aio::Coro<> {
        aio::ThreadPoolExecutor pool(4);
        auto& loop = aio::get_running_loop();
        std::vector<aio::Future<int>> futures;
        for (int i = 0; i < 500; ++i) futures.push_back(loop.run_in_executor(pool, square, i));
        for (int i = 0; i < 500; ++i) {
            const int value = co_await futures[static_cast<std::size_t>(i)];
            CHECK(value == i * i);
        }
        for (int i = 0; i < 20; ++i) {
            const int value = co_await loop.run_in_executor(pool, square, i);
            CHECK(value == i * i);
        }
    });
}

TEST_CASE("rule 100: a loop may close while a call runs in a thread pool, which goes on") {
    patience::Gate gate;
    std::atomic<bool> ended = false;
    aio::ThreadPoolExecutor pool(1);
    bool called = false;
    {
        aio::EventLoop loop;
        auto future = loop.run_in_executor(pool, [&] {
            gate.wait();
            ended = true;
        });
        future.add_done_callback([&] { called = true; });
    }
    gate.open();
    pool.shutdown(true);
    CHECK(ended);
    CHECK_FALSE(called);
}
