#include "patience.hpp"

#include <aio/core/context.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/executors/work_queue_executor.hpp>
#include <aio/structure/run.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/work.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

aio::ContextVar<int> request_number("request_number", 0);

int square(int x) { return x * x; }

/// A job that goes to libuv's queue directly, as those for files do.
class DirectJob final : public aio::uv::Work {
public:
    explicit DirectJob(aio::Future<> done) : Work(&run, &finish), done_(std::move(done)) {}

private:
    static void run(aio::uv::Work&) noexcept {}
    static void finish(aio::uv::Work& self, int) noexcept {
        static_cast<DirectJob&>(self).done_.set_result();
    }
    aio::Future<> done_;
};

/// Fills the share of users in libuv's queue with calls that wait for `gate`.
std::vector<aio::Future<>> occupy(aio::EventLoop& loop, patience::Gate& gate, patience::Counter& started) {
    std::vector<aio::Future<>> futures;
    for (unsigned i = 0; i < aio::WorkQueueExecutor::share(); ++i)
        futures.push_back(loop.run_in_executor(nullptr, [&] {
            started.add();
            gate.wait();
        }));
    return futures;
}

int full() { return static_cast<int>(aio::WorkQueueExecutor::share()); }

} // namespace

TEST_CASE("to_thread: result, exception, move-only values, in another thread") {
    aio::run([]() -> aio::Coro<> {
        const auto id = [] { return std::this_thread::get_id(); };
        const int value = co_await aio::to_thread(square, 12);
        CHECK(value == 144);
        const auto where = co_await aio::to_thread(id);
        CHECK(where != std::this_thread::get_id());
        const auto add_one = [](std::unique_ptr<int> p) { return std::make_unique<int>(*p + 1); };
        auto pointer = std::make_unique<int>(1);
        const auto sum = co_await aio::to_thread(add_one, std::move(pointer));
        CHECK(*sum == 2);
        const auto fail = [] { throw std::out_of_range("far"); };
        bool caught = false;
        try {
            co_await aio::to_thread(fail);
        } catch (const std::out_of_range&) {
            caught = true;
        }
        CHECK(caught);
    });
}

TEST_CASE("rule 101: to_thread copies the context, and what is set there does not come back") {
    aio::run([]() -> aio::Coro<> {
        request_number.set(7);
        const auto change = [] {
            const int before = request_number.get();
            request_number.set(99);
            return before;
        };
        const int seen = co_await aio::to_thread(change);
        CHECK(seen == 7);
        CHECK(request_number.get() == 7);
        const int again = co_await aio::to_thread(change);
        CHECK(again == 7);
    });
}

TEST_CASE("rule 103: calls of users leave threads of libuv's queue free for files and names") {
    aio::run([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        patience::Gate gate;
        patience::Counter started;
        auto blocked = occupy(loop, gate, started);
        CHECK(started.wait_for(full()));
        auto waiting = loop.run_in_executor(nullptr, square, 3);
        for (int i = 0; i < 10; ++i) {
            aio::Future<> done = loop.create_future();
            DirectJob job(done);
            job.start(loop.bindings());
            bool in_time = true;
            try {
                co_await aio::wait_for(done, patience::limit);
            } catch (const aio::TimeoutError&) {
                in_time = false;
            }
            REQUIRE(in_time);
        }
        CHECK_FALSE(waiting.done());
        gate.open();
        const int value = co_await waiting;
        CHECK(value == 9);
        for (auto& future : blocked) co_await future;
    });
}

TEST_CASE("rule 100: cancelling drops a queued call, and lets a running one go on") {
    aio::run([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        patience::Gate gate;
        patience::Counter started;
        auto running = occupy(loop, gate, started);
        bool ran = false;
        auto queued = loop.run_in_executor(nullptr, [&] { ran = true; });
        CHECK(started.wait_for(full()));
        CHECK(queued.cancel());
        CHECK(running.front().cancel());
        CHECK(running.front().cancelled());
        gate.open();
        co_await loop.shutdown_default_executor();
        CHECK_FALSE(ran);
        CHECK(started.count() == full());
    });
}

TEST_CASE("rule 100: cancelling a task ends its to_thread at once") {
    aio::run([]() -> aio::Coro<> {
        patience::Gate gate;
        patience::Gate started;
        std::atomic<bool> ended = false;
        const auto work = [&] {
            started.open();
            gate.wait();
            ended = true;
        };
        auto task = aio::create_task(aio::to_thread(work));
        co_await aio::sleep(0ms);
        CHECK(started.wait());
        task.cancel();
        bool caught = false;
        try {
            co_await task;
        } catch (const aio::CancelledError&) {
            caught = true;
        }
        CHECK(caught);
        CHECK_FALSE(ended);
        gate.open();
        co_await aio::get_running_loop().shutdown_default_executor();
        CHECK(ended);
    });
}

TEST_CASE("rule 102: after shutdown_default_executor it is refused, and what ran has ended") {
    aio::run([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        std::atomic<int> ended = 0;
        for (int i = 0; i < 20; ++i) static_cast<void>(loop.run_in_executor(nullptr, [&] { ++ended; }));
        co_await loop.shutdown_default_executor();
        CHECK(ended == 20);
        CHECK_THROWS_AS(static_cast<void>(loop.run_in_executor(nullptr, square, 1)), aio::RuntimeError);
        bool refused = false;
        try {
            co_await aio::to_thread(square, 1);
        } catch (const aio::RuntimeError&) {
            refused = true;
        }
        CHECK(refused);
        co_await loop.shutdown_default_executor();
    });
}

TEST_CASE("rule 102: shutdown_default_executor waits for a limited time only") {
    // Before the loop, so that they outlive it: closing it waits for the call, which uses them.
    patience::Gate gate;
    patience::Gate started;
    aio::EventLoop loop;
    std::string report;
    loop.set_exception_handler(
        [&](aio::EventLoop&, const aio::ErrorContext& context) { report = context.message; });
    const auto body = [&]() -> aio::Coro<> {
        auto future = loop.run_in_executor(nullptr, [&] {
            started.open();
            gate.wait();
        });
        CHECK(started.wait());
        co_await loop.shutdown_default_executor(1ms);
        CHECK_FALSE(future.done());
    };
    loop.run_until_complete(body());
    CHECK(report.find("did not finish") != std::string::npos);
    gate.open();
}

TEST_CASE("set_default_executor: calls run in the new one, which shutdown_default_executor ends") {
    aio::run([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        CHECK_THROWS_AS(loop.set_default_executor(nullptr), aio::ValueError);
        const int before = co_await aio::to_thread(square, 2);
        CHECK(before == 4);
        auto pool = std::make_shared<aio::ThreadPoolExecutor>(1, "mine");
        const auto id = [] { return std::this_thread::get_id(); };
        const auto own = pool->submit(id).result(patience::limit);
        loop.set_default_executor(pool);
        const auto where = co_await aio::to_thread(id);
        CHECK(where == own);
        co_await loop.shutdown_default_executor();
        CHECK_THROWS_AS(static_cast<void>(pool->submit(id)), aio::RuntimeError);
        CHECK_THROWS_AS(static_cast<void>(loop.default_executor()), aio::RuntimeError);
    });
}

TEST_CASE("default executor: one that was replaced still runs what it has, and is closed with the loop") {
    patience::Gate gate;
    patience::Counter started;
    std::atomic<int> ended = 0;
    {
        aio::EventLoop loop;
        const auto body = [&]() -> aio::Coro<> {
            auto blocked = occupy(loop, gate, started);
            auto queued = loop.run_in_executor(nullptr, [&] { ++ended; });
            CHECK(started.wait_for(full()));
            loop.set_default_executor(std::make_shared<aio::ThreadPoolExecutor>(1));
            gate.open();
            co_await queued;
            CHECK(ended == 1);
            for (auto& future : blocked) co_await future;
        };
        loop.run_until_complete(body());
    }
    patience::Gate second_gate;
    patience::Counter second_started;
    std::thread opener;
    {
        aio::EventLoop loop;
        auto blocked = occupy(loop, second_gate, second_started);
        auto queued = loop.run_in_executor(nullptr, [&] { ++ended; });
        loop.run_until_complete(aio::sleep(0ms));
        CHECK(second_started.wait_for(full()));
        loop.set_default_executor(std::make_shared<aio::ThreadPoolExecutor>(1));
        opener = std::thread([&] { second_gate.open(); });
    }
    opener.join();
    CHECK(ended == 1);
    CHECK(aio::run([]() -> aio::Coro<int> { co_return co_await aio::to_thread(square, 5); }) == 25);
}

TEST_CASE("rule 100: a loop that closes with calls queued and running calls nobody back") {
    patience::Gate gate;
    patience::Counter started;
    std::atomic<bool> queued_ran = false;
    bool called = false;
    std::thread opener;
    {
        aio::EventLoop loop;
        auto running = occupy(loop, gate, started);
        auto queued = loop.run_in_executor(nullptr, [&] { queued_ran = true; });
        for (auto& future : running) future.add_done_callback([&] { called = true; });
        queued.add_done_callback([&] { called = true; });
        loop.run_until_complete(aio::sleep(0ms));
        CHECK(started.wait_for(full()));
        opener = std::thread([&] { gate.open(); });
        loop.close();
        CHECK_FALSE(queued.done());
    }
    opener.join();
    CHECK_FALSE(called);
    CHECK_FALSE(queued_ran);
    // The share of the calls that are gone is free again.
    aio::run([]() -> aio::Coro<> {
        patience::Gate second_gate;
        patience::Counter second_started;
        auto blocked = occupy(aio::get_running_loop(), second_gate, second_started);
        CHECK(second_started.wait_for(full()));
        second_gate.open();
        for (auto& future : blocked) co_await future;
    });
}

TEST_CASE("default executor: another thread may submit, and hears of a closed loop") {
    std::shared_ptr<aio::WorkQueueExecutor> kept;
    aio::run([&kept]() -> aio::Coro<> {
        auto executor = std::make_shared<aio::WorkQueueExecutor>(aio::get_running_loop());
        kept = executor;
        const auto submit = [executor] { return executor->submit(square, 4); };
        const auto concurrent = co_await aio::to_thread(submit);
        const int value = co_await aio::wrap_future(concurrent);
        CHECK(value == 16);
    });
    CHECK_THROWS_AS(static_cast<void>(kept->submit(square, 1)), aio::RuntimeError);
    std::thread([&] {
        CHECK_THROWS_AS(static_cast<void>(kept->submit(square, 1)), aio::RuntimeError);
    }).join();
}

TEST_CASE("rule 107: the default executor's shutdown cannot wait on the loop's thread, and says so") {
    aio::run([]() -> aio::Coro<> {
        aio::WorkQueueExecutor executor(aio::get_running_loop());
        patience::Gate gate;
        patience::Counter started;
        std::vector<aio::ConcurrentFuture<>> blocked;
        for (int i = 0; i < full(); ++i)
            blocked.push_back(executor.submit([&] {
                started.add();
                gate.wait();
            }));
        const auto queued = executor.submit(square, 3);
        CHECK(started.wait_for(full()));
        CHECK_THROWS_AS(executor.shutdown(true), aio::RuntimeError);
        CHECK_THROWS_AS(static_cast<void>(executor.submit(square, 3)), aio::RuntimeError);
        executor.shutdown(false, true);
        CHECK(queued.cancelled());
        gate.open();
        co_await executor.idle();
        executor.shutdown(true);
    });
}

TEST_CASE("default executor: two loops in two threads share libuv's queue") {
    const auto many = []() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        std::vector<aio::Future<int>> futures;
        for (int i = 0; i < 300; ++i) futures.push_back(loop.run_in_executor(nullptr, square, i));
        for (int i = 0; i < 300; ++i) {
            const int value = co_await futures[static_cast<std::size_t>(i)];
            CHECK(value == i * i);
        }
    };
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&] {
            for (int round = 0; round < 5; ++round) aio::run(many);
        });
    for (auto& thread : threads) thread.join();
}

TEST_CASE("default executor: a loop that closes while another one uses the queue takes no share with it") {
    patience::Gate gate;
    patience::Counter started;
    patience::Gate occupied;
    // Loops close, with calls that wait for their turn, while this one holds and gives back shares.
    std::thread holder([&] {
        aio::run([&]() -> aio::Coro<> {
            auto blocked = occupy(aio::get_running_loop(), gate, started);
            CHECK(started.wait_for(full()));
            occupied.open();
            for (auto& future : blocked) co_await future;
            for (int i = 0; i < 200; ++i) co_await aio::to_thread(square, i);
        });
    });
    REQUIRE(occupied.wait());
    std::vector<std::thread> closers;
    for (int t = 0; t < 2; ++t)
        closers.emplace_back([&, t] {
            for (int round = 0; round < 40; ++round) {
                aio::EventLoop loop;
                std::vector<aio::Future<int>> futures;
                for (int i = 0; i < 10; ++i) futures.push_back(loop.run_in_executor(nullptr, square, i));
                loop.run_until_complete(aio::sleep(0ms));
                if (round == 20 && t == 0) gate.open();
            }
        });
    for (auto& closer : closers) closer.join();
    holder.join();
    aio::run([]() -> aio::Coro<> {
        patience::Gate second_gate;
        patience::Counter second_started;
        auto blocked = occupy(aio::get_running_loop(), second_gate, second_started);
        CHECK(second_started.wait_for(full()));
        second_gate.open();
        for (auto& future : blocked) co_await future;
    });
}
