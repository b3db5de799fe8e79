#include "patience.hpp"

#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/structure/run.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

#include "support/conformance.hpp"

using namespace std::chrono_literals;

namespace {

/// Runs until it is asked to stop.
class UntilStopped {
public:
    /// Says that it has begun, and gives the sum of the arguments when it was stopped.
    int operator()(std::stop_token stop, int a, int b) {
        begun.open();
        std::stop_callback told(stop, [&] { asked.open(); });
        asked.wait();
        ended = true;
        if (fails) throw std::out_of_range("stopped halfway");
        return a + b;
    }
    patience::Gate begun;
    patience::Gate asked;
    std::atomic<bool> ended = false;
    bool fails = false;
};

} // namespace

TEST_CASE(
    "rule 104: cancelling a running call gives false, and asks a call that takes a stop token to stop") {
    UntilStopped work;
    aio::ThreadPoolExecutor pool(1);
    const auto future = pool.submit(std::ref(work), 1, 2);
    static_assert(std::is_same_v<decltype(future), const aio::ConcurrentFuture<int>>);
    REQUIRE(work.begun.wait());
    CHECK_FALSE(future.cancel());
    CHECK(future.result(patience::limit) == 3);
    CHECK_FALSE(future.cancelled());
}

TEST_CASE("stop tokens: a callable that needs none gets none") {
    aio::ThreadPoolExecutor pool(1);
    const auto count = [](auto... all) { return sizeof...(all); };
    CHECK(pool.submit(count, 1, 2).result(patience::limit) == 2);
    const auto may_take_one = [](std::stop_token stop = {}) { return stop.stop_possible(); };
    CHECK_FALSE(pool.submit(may_take_one).result(patience::limit));
    const auto takes_one = [](std::stop_token stop) { return stop.stop_possible(); };
    CHECK(pool.submit(takes_one).result(patience::limit));
    aio::Executor& base = pool;
    CHECK(base.submit(takes_one).result(patience::limit));
    const auto move_only = [](std::stop_token, std::unique_ptr<int> p) { return *p; };
    CHECK(pool.submit(move_only, std::make_unique<int>(4)).result(patience::limit) == 4);
}

TEST_CASE("rule 100: cancelling the loop's future of a running call cancels it at once, and asks the call to "
          "stop") {
    UntilStopped work;
    aio::ThreadPoolExecutor pool(1);
    aio::run([&]() -> aio::Coro<> {
        auto future = aio::get_running_loop().run_in_executor(pool, std::ref(work), 1, 2);
        CHECK(work.begun.wait());
        CHECK(future.cancel());
        CHECK(future.cancelled());
        co_await aio::sleep(0s);
    });
    pool.shutdown(true);
    CHECK(work.ended);
}

TEST_CASE("rule 100: cancelling a task stops its to_thread in the default executor") {
    UntilStopped work;
    aio::run([&]() -> aio::Coro<> {
        auto task = aio::create_task(aio::to_thread(std::ref(work), 1, 2));
        co_await aio::sleep(0s);
        CHECK(work.begun.wait());
        task.cancel();
        bool caught = false;
        try {
            co_await task;
        } catch (const aio::CancelledError&) {
            caught = true;
        }
        CHECK(caught);
        co_await aio::get_running_loop().shutdown_default_executor();
        CHECK(work.ended);
    });
}

TEST_CASE("wait_when_cancelled: the cancellation of a task arrives when its call has ended") {
    for (const bool fails : {false, true}) {
        CAPTURE(fails);
        UntilStopped work;
        work.fails = fails;
        aio::ThreadPoolExecutor pool(1);
        aio::run([&]() -> aio::Coro<> {
            const auto options = aio::ThreadCallOptions().wait_when_cancelled();
            const auto body = [&]() -> aio::Coro<int> {
                co_return co_await aio::get_running_loop().run_in_executor(pool, options, std::ref(work), 1,
                                                                           2);
            };
            auto task = aio::create_task(body());
            co_await aio::sleep(0s);
            CHECK(work.begun.wait());
            task.cancel("enough");
            std::string caught;
            try {
                co_await task;
            } catch (const aio::CancelledError& error) {
                caught = error.message();
            } catch (const std::out_of_range& error) {
                caught = error.what();
            }
            CHECK(work.ended);
            CHECK(caught == (fails ? "stopped halfway" : "enough"));
        });
    }
}

TEST_CASE("wait_when_cancelled: a call that has not started is dropped at once") {
    patience::Gate gate;
    aio::ThreadPoolExecutor pool(1);
    const auto busy = pool.submit([&] { gate.wait(); });
    bool ran = false;
    aio::run([&]() -> aio::Coro<> {
        const auto options = aio::ThreadCallOptions().wait_when_cancelled();
        auto future = aio::get_running_loop().run_in_executor(pool, options, [&] { ran = true; });
        CHECK(future.cancel("no"));
        CHECK(future.cancelled());
        CHECK_FALSE(future.cancel());
        co_await aio::sleep(0s);
    });
    gate.open();
    pool.shutdown(true);
    CHECK_FALSE(ran);
}

TEST_CASE("wait_when_cancelled: a loop that closes while somebody waits leaves the call to itself") {
    UntilStopped work;
    aio::ThreadPoolExecutor pool(1);
    {
        aio::EventLoop loop;
        loop.set_exception_handler([](aio::EventLoop&, const aio::ErrorContext&) {});
        auto future =
            loop.run_in_executor(pool, aio::ThreadCallOptions().wait_when_cancelled(), std::ref(work), 1, 2);
        REQUIRE(work.begun.wait());
        CHECK(future.cancel());
        CHECK_FALSE(future.done());
    }
    pool.shutdown(true);
    CHECK(work.ended);
}

TEST_CASE("conformance: calls that are waited for when they are cancelled") {
    using aio::test::check_conformance;
    using aio::test::Gate;
    const auto blocker = [](Gate& gate) {
        return [b = gate.blocker()](std::stop_token stop) { return b.until(stop); };
    };
    const auto options = aio::ThreadCallOptions().wait_when_cancelled();
    check_conformance("run_in_executor, waited for", 7, [&](Gate& gate) {
        return aio::get_running_loop().run_in_executor(gate.pool(), options, blocker(gate));
    });
    check_conformance("to_thread, waited for", 7,
                      [&](Gate& gate) { return aio::to_thread(options, blocker(gate)); });
}
