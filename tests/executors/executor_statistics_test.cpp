#include "patience.hpp"

#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/executors/work_queue_executor.hpp>
#include <aio/structure/run.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/text.hpp"

using namespace std::chrono_literals;
using aio::test::contains;

namespace {

/// The callable of a call that has no name of its own.
struct ReadArchive {
    void operator()() const {
        started->open();
        gate->wait();
    }
    patience::Gate* started;
    patience::Gate* gate;
};

void fail() { throw std::runtime_error("no"); }

int square(int x) { return x * x; }

} // namespace

TEST_CASE("thread pool: statistics count threads, and calls by how they ended") {
    patience::Gate started;
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(aio::ThreadPoolOptions().max_workers(1).thread_name_prefix("counted"));
    CHECK(pool.statistics().threads == 0);
    CHECK(pool.submit(square, 2).result(patience::limit) == 4);
    CHECK(pool.statistics().completed == 1);
    CHECK_THROWS_AS(pool.submit(fail).result(patience::limit), std::runtime_error);
    CHECK(pool.statistics().failed == 1);
    const auto running = pool.submit(aio::ThreadCallOptions().name("archive"), ReadArchive{&started, &gate});
    REQUIRE(started.wait());
    const auto queued = pool.submit(square, 3);
    const auto cancelled = pool.submit(square, 4);
    CHECK(cancelled.cancel());

    const aio::ExecutorStatistics busy = pool.statistics();
    CHECK(busy.threads == 1);
    CHECK(busy.idle == 0);
    CHECK(busy.queued == 1);
    CHECK(busy.cancelled == 1);
    CHECK(busy.completed == 1);
    REQUIRE(busy.running.size() == 1);
    CHECK(busy.running.front().name == "archive");
    CHECK(busy.running.front().thread == "counted_0");
    CHECK(busy.running.front().age >= 0ns);
    CHECK(busy.longest_wait > 0ns);
    CHECK(pool.running_calls().size() == 1);

    gate.open();
    CHECK(queued.result(patience::limit) == 9);
    CHECK(patience::until([&] { return pool.statistics().idle == 1; }));
    const aio::ExecutorStatistics after = pool.statistics();
    CHECK(after.completed == 3);
    CHECK(after.cancelled == 1);
    CHECK(after.queued == 0);
    CHECK(after.running.empty());
    pool.shutdown();
    CHECK(pool.statistics().threads == 0);
}

TEST_CASE("thread pool: running calls are listed with the oldest first") {
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(3);
    std::vector<std::unique_ptr<patience::Gate>> started;
    for (const char* name : {"first", "second", "third"}) {
        patience::Gate& begun = *started.emplace_back(std::make_unique<patience::Gate>());
        pool.submit(aio::ThreadCallOptions().name(name), ReadArchive{&begun, &gate});
        REQUIRE(begun.wait());
    }
    std::string order;
    for (const auto& call : pool.statistics().running) order += call.name + " ";
    CHECK(order == "first second third ");
    gate.open();
}

TEST_CASE("rule 107: shutdown with a time limit names the call that still runs, and its thread") {
    patience::Gate gate;
    patience::Gate first_started;
    patience::Gate second_started;
    std::weak_ptr<int> argument;
    // They outlive the pool, and must have ended before the gate does.
    aio::ConcurrentFuture<> first;
    aio::ConcurrentFuture<> second;
    {
        auto shared = std::make_shared<int>(1);
        argument = shared;
        aio::ThreadPoolExecutor pool(2, "slow");
        first = pool.submit(ReadArchive{&first_started, &gate});
        second = pool.submit(aio::ThreadCallOptions().name("import of customers"),
                             ReadArchive{&second_started, &gate});
        REQUIRE(first_started.wait());
        REQUIRE(second_started.wait());
        pool.submit([shared = std::move(shared)] {});
        std::string message;
        try {
            pool.shutdown(1ms);
        } catch (const aio::ShutdownTimeout& error) {
            message = error.what();
            CHECK(error.statistics().running.size() == 2);
            CHECK(error.statistics().queued == 1);
        }
        CHECK(contains(message, "the executor slow has not ended in time"));
        CHECK(contains(message, "ReadArchive"));
        CHECK(contains(message, "'import of customers' (running for "));
        CHECK(contains(message, "in thread slow_1"));
        CHECK(contains(message, "1 call is queued"));
        CHECK_THROWS_AS(pool.shutdown(0ms), aio::TimeoutError);
        CHECK_THROWS_AS(static_cast<void>(pool.submit(square, 1)), aio::RuntimeError);
        // The end of the pool does not wait either.
    }
    CHECK_FALSE(argument.expired());
    gate.open();
    CHECK(patience::until([&] { return argument.expired(); }));
    first.result(patience::limit);
    second.result(patience::limit);
}

TEST_CASE("rule 107: shutdown with a time limit ends as soon as all calls have, and can be repeated") {
    patience::Gate started;
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(1);
    const auto call = pool.submit(ReadArchive{&started, &gate});
    REQUIRE(started.wait());
    const auto queued = pool.submit(square, 1);
    CHECK_THROWS_AS(pool.shutdown(0s, true), aio::ShutdownTimeout);
    CHECK(queued.cancelled());
    gate.open();
    pool.shutdown(patience::limit);
    CHECK(call.done());
    pool.shutdown(true);
}

TEST_CASE("thread pool: request_stop reaches the calls that run") {
    patience::Gate started;
    aio::ThreadPoolExecutor pool(1);
    const auto call = pool.submit([&](std::stop_token stop) {
        patience::Gate asked;
        std::stop_callback told(stop, [&] { asked.open(); });
        started.open();
        return asked.wait();
    });
    REQUIRE(started.wait());
    pool.request_stop();
    CHECK(call.result(patience::limit));
}

TEST_CASE("rule 109: the initializer of the options gets its arguments, and its failure is counted") {
    thread_local int level = 0;
    const auto set_level = [](const std::string& text, int more) {
        level = static_cast<int>(text.size()) + more;
    };
    aio::ThreadPoolExecutor pool(
        aio::ThreadPoolOptions().max_workers(2).initializer(set_level, std::string("abc"), 4));
    CHECK(pool.submit([] { return level; }).result(patience::limit) == 7);
    CHECK_THROWS_AS(aio::ThreadPoolOptions().max_workers(0), aio::ValueError);
    CHECK(aio::ThreadPoolExecutor(aio::ThreadPoolOptions()).max_workers() ==
          aio::ThreadPoolExecutor::default_max_workers());

    patience::Gate gate;
    aio::ThreadPoolExecutor broken(aio::ThreadPoolOptions().max_workers(1).initializer([&] {
        gate.wait();
        throw std::runtime_error("meant to be printed");
    }));
    const auto first = broken.submit(square, 1);
    const auto second = broken.submit(square, 1);
    CHECK(second.cancel());
    gate.open();
    CHECK_THROWS_AS(first.result(patience::limit), aio::BrokenThreadPool);
    CHECK(patience::until([&] { return broken.statistics().failed == 1; }));
    CHECK(broken.statistics().cancelled == 1);
}

TEST_CASE("default executor: statistics count calls by how they ended, and name those that run") {
    patience::Gate gate;
    aio::run([&]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        auto executor = std::make_shared<aio::WorkQueueExecutor>(loop);
        loop.set_default_executor(executor);
        co_await aio::to_thread(square, 2);
        CHECK(executor->statistics().completed == 1);
        CHECK(executor->statistics().threads == aio::WorkQueueExecutor::share());
        bool failed = false;
        try {
            co_await aio::to_thread(fail);
        } catch (const std::runtime_error&) {
            failed = true;
        }
        CHECK(failed);
        CHECK(executor->statistics().failed == 1);
        // Until then the loop may not have given back their share of the threads.
        co_await executor->idle();

        std::vector<aio::Future<>> blocked;
        std::vector<std::unique_ptr<patience::Gate>> started;
        for (unsigned i = 0; i < aio::WorkQueueExecutor::share(); ++i) {
            patience::Gate& begun = *started.emplace_back(std::make_unique<patience::Gate>());
            const auto options = aio::ThreadCallOptions().name("number " + std::to_string(i));
            blocked.push_back(loop.run_in_executor(nullptr, options, ReadArchive{&begun, &gate}));
            CHECK(begun.wait());
        }
        auto queued = loop.run_in_executor(nullptr, square, 3);
        auto cancelled = loop.run_in_executor(nullptr, square, 4);
        CHECK(cancelled.cancel());
        const aio::ExecutorStatistics busy = executor->statistics();
        REQUIRE(busy.running.size() == blocked.size());
        CHECK(busy.running.front().name == "number 0");
        CHECK(busy.running.front().thread.starts_with("libuv worker "));
        CHECK(busy.queued == 1);
        CHECK(busy.cancelled == 1);
        gate.open();
        const int nine = co_await queued;
        CHECK(nine == 9);
        for (auto& future : blocked) co_await future;
        co_await executor->idle();
        const aio::ExecutorStatistics after = executor->statistics();
        CHECK(after.completed == 2 + blocked.size());
        CHECK(after.failed == 1);
        CHECK(after.cancelled == 1);
        CHECK(after.running.empty());
    });
}

TEST_CASE("rule 102: the report of a shutdown_default_executor that takes too long names what still runs") {
    for (const bool own_threads : {false, true}) {
        CAPTURE(own_threads);
        // Before the loop, so that they outlive it.
        patience::Gate gate;
        patience::Gate started;
        std::shared_ptr<aio::ThreadPoolExecutor> pool;
        if (own_threads) pool = std::make_shared<aio::ThreadPoolExecutor>(1, "default");
        aio::EventLoop loop;
        if (pool) loop.set_default_executor(pool);
        std::string report;
        loop.set_exception_handler(
            [&](aio::EventLoop&, const aio::ErrorContext& context) { report = context.message; });
        const auto body = [&]() -> aio::Coro<> {
            const auto options = aio::ThreadCallOptions().name("backup");
            auto future = loop.run_in_executor(nullptr, options, ReadArchive{&started, &gate});
            CHECK(started.wait());
            co_await loop.shutdown_default_executor(1ms);
            CHECK_FALSE(future.done());
        };
        loop.run_until_complete(body());
        CHECK(contains(report, "did not finish its calls in time"));
        CHECK(contains(report, "still running: 'backup' (running for "));
        if (own_threads) CHECK(contains(report, "in thread default_0"));
        gate.open();
        if (pool) pool->shutdown(true);
    }
}

TEST_CASE("reports call a call of to_thread by its function, not by the library's wrapping") {
    patience::Gate gate;
    patience::Gate started;
    aio::run([&]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        auto executor = std::make_shared<aio::WorkQueueExecutor>(loop);
        loop.set_default_executor(executor);
        auto task = aio::create_task(aio::to_thread(ReadArchive{&started, &gate}));
        co_await aio::sleep(0s);
        CHECK(started.wait());
        const auto running = executor->running_calls();
        REQUIRE(running.size() == 1);
        CHECK(contains(running.front().name, "ReadArchive"));
        CHECK_FALSE(contains(running.front().name, "InContext"));
        gate.open();
        co_await task;
    });
}
