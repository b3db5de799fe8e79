#include "patience.hpp"

#include <aio/core/sleep.hpp>
#include <aio/executors/concurrent_future.hpp>
#include <aio/executors/run_coroutine_threadsafe.hpp>
#include <aio/executors/wrap_future.hpp>
#include <aio/structure/run.hpp>
#include <aio/structure/wait_for.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// An event loop that runs in a thread of its own until it is stopped.
class LoopThread {
public:
    LoopThread() {
        thread_ = std::thread([this] {
            loop_.emplace();
            loop_->call_soon([this] { running_.open(); });
            loop_->run_forever();
            stopped_.open();
            closing_.wait();
            loop_.reset();
        });
        REQUIRE(running_.wait());
    }
    ~LoopThread() { stop(); }
    aio::EventLoop& loop() { return *loop_; }
    /// Stops and closes the loop.
    void stop() {
        if (!thread_.joinable()) return;
        loop_->call_soon_threadsafe([this] { loop_->stop(); });
        CHECK(stopped_.wait());
        closing_.open();
        thread_.join();
    }

private:
    std::optional<aio::EventLoop> loop_;
    patience::Gate running_;
    patience::Gate stopped_;
    patience::Gate closing_;
    std::thread thread_;
};

aio::Coro<int> answer() {
    co_await aio::sleep(1ms);
    co_return 42;
}

aio::Coro<int> fail_with_text() {
    co_await aio::sleep(0ms);
    throw std::out_of_range("beyond");
}

} // namespace

TEST_CASE("rule 104: a concurrent future goes from pending to running to finished") {
    aio::ConcurrentFuture<int> future;
    CHECK_FALSE(future.running());
    CHECK_FALSE(future.done());
    CHECK(future.set_running_or_notify_cancel());
    CHECK(future.running());
    CHECK_FALSE(future.cancel());
    CHECK_THROWS_AS(static_cast<void>(future.set_running_or_notify_cancel()), aio::InvalidStateError);
    future.set_result(3);
    CHECK(future.done());
    CHECK_FALSE(future.running());
    CHECK_FALSE(future.cancelled());
    CHECK_FALSE(future.cancel());
    CHECK(future.result() == 3);
    CHECK(future.result() == 3);
    CHECK(future.exception() == nullptr);
}

TEST_CASE("rule 104: a pending concurrent future can be cancelled, again and again") {
    aio::ConcurrentFuture<> future;
    CHECK(future.cancel());
    CHECK(future.cancel());
    CHECK(future.cancelled());
    CHECK(future.done());
    CHECK_FALSE(future.set_running_or_notify_cancel());
    CHECK_THROWS_AS(future.result(), aio::CancelledError);
    CHECK_THROWS_AS(static_cast<void>(future.exception()), aio::CancelledError);
    CHECK_THROWS_AS(future.set_result(), aio::InvalidStateError);
}

TEST_CASE("rule 104: a concurrent future is completed once") {
    aio::ConcurrentFuture<std::string> future;
    future.set_exception(std::make_exception_ptr(std::out_of_range("far")));
    CHECK_THROWS_AS(future.set_result("late"), aio::InvalidStateError);
    CHECK_THROWS_AS(future.set_exception(std::make_exception_ptr(1)), aio::InvalidStateError);
    CHECK_THROWS_WITH_AS(future.result(), "far", std::out_of_range);
    CHECK(future.exception() != nullptr);
    aio::ConcurrentFuture<> other;
    CHECK_THROWS_AS(other.set_exception(nullptr), aio::ValueError);
    CHECK_FALSE(other.done());
}

TEST_CASE("rule 105: callbacks run in order in the thread that completes it, on a done future at once") {
    aio::ConcurrentFuture<int> future;
    std::vector<int> order;
    std::thread::id where;
    future.add_done_callback([&](aio::ConcurrentFuture<int> done) {
        order.push_back(done.result());
        where = std::this_thread::get_id();
    });
    future.add_done_callback([&] { order.push_back(2); });
    std::thread completer([&] { future.set_result(1); });
    const auto completing = completer.get_id();
    completer.join();
    CHECK(order == std::vector<int>{1, 2});
    CHECK(where == completing);
    future.add_done_callback([&] {
        order.push_back(3);
        where = std::this_thread::get_id();
    });
    CHECK(order == std::vector<int>{1, 2, 3});
    CHECK(where == std::this_thread::get_id());
}

TEST_CASE("rule 105: what a callback throws is ignored, and the next one runs") {
    aio::ConcurrentFuture<int> future;
    bool second = false;
    future.add_done_callback([] { throw std::runtime_error("of a callback, and meant to be printed"); });
    future.add_done_callback([&] { second = true; });
    CHECK(future.cancel());
    CHECK(second);
}

TEST_CASE("a concurrent future can be waited for, for a limited time or without limit") {
    aio::ConcurrentFuture<int> future;
    CHECK_THROWS_AS(future.result(1ms), aio::TimeoutError);
    CHECK_THROWS_AS(future.result(-1h), aio::TimeoutError);
    CHECK_THROWS_AS(static_cast<void>(future.exception(1ms)), aio::TimeoutError);
    std::thread completer([future] { future.set_result(7); });
    CHECK(future.result(std::chrono::hours::max()) == 7);
    CHECK(future.result(0s) == 7);
    completer.join();
}

TEST_CASE("a concurrent future keeps references and move-only values") {
    int value = 1;
    aio::ConcurrentFuture<std::unique_ptr<int>> owner;
    owner.set_result(std::make_unique<int>(5));
    CHECK(*owner.result() == 5);
    aio::ConcurrentFuture<int&> reference;
    reference.set_result(&value);
    CHECK(reference.result() == 1);
}

TEST_CASE(
    "wrap_future: result, exception and cancellation come to the loop, from another thread or its own") {
    aio::run([]() -> aio::Coro<> {
        for (const bool elsewhere : {true, false}) {
            aio::ConcurrentFuture<std::string> good;
            aio::ConcurrentFuture<> bad;
            aio::ConcurrentFuture<> cancelled;
            auto first = aio::wrap_future(good);
            auto second = aio::wrap_future(bad);
            auto third = aio::wrap_future(cancelled);
            const auto complete = [=] {
                good.set_result("done");
                bad.set_exception(std::make_exception_ptr(std::out_of_range("far")));
                cancelled.cancel();
            };
            if (elsewhere)
                std::thread(complete).join();
            else
                complete();
            const std::string text = co_await first;
            CHECK(text == "done");
            bool caught = false;
            try {
                co_await second;
            } catch (const std::out_of_range&) {
                caught = true;
            }
            CHECK(caught);
            caught = false;
            try {
                co_await third;
            } catch (const aio::CancelledError&) {
                caught = true;
            }
            CHECK(caught);
            CHECK(third.cancelled());
        }
    });
}

TEST_CASE(
    "wrap_future: cancelling the loop's future cancels a pending concurrent one, and leaves a running one") {
    aio::run([]() -> aio::Coro<> {
        aio::ConcurrentFuture<> pending;
        aio::ConcurrentFuture<> running;
        CHECK(running.set_running_or_notify_cancel());
        auto first = aio::wrap_future(pending);
        auto second = aio::wrap_future(running);
        CHECK(first.cancel());
        CHECK(second.cancel());
        CHECK(pending.cancelled());
        CHECK(running.running());
        running.set_result();
        CHECK(second.cancelled());
        co_await aio::sleep(0ms);
    });
}

TEST_CASE("rule 100: completion after the loop was closed reaches nobody") {
    aio::ConcurrentFuture<int> concurrent;
    bool called = false;
    aio::Future<int> future;
    {
        aio::EventLoop loop;
        future = aio::wrap_future(concurrent, loop);
        future.add_done_callback([&] { called = true; });
    }
    std::thread([&] { concurrent.set_result(1); }).join();
    CHECK_FALSE(future.done());
    CHECK_FALSE(called);
}

TEST_CASE("wrap_future: many threads complete futures of one loop") {
    aio::run([]() -> aio::Coro<> {
        constexpr int threads = 4;
        constexpr int each = 200;
        std::vector<aio::ConcurrentFuture<int>> all(threads * each);
        std::vector<aio::Future<int>> wrapped;
        for (const auto& future : all) wrapped.push_back(aio::wrap_future(future));
        std::vector<std::thread> completers;
        for (int t = 0; t < threads; ++t)
            completers.emplace_back([&all, t] {
                for (int i = 0; i < each; ++i) all[static_cast<std::size_t>(t * each + i)].set_result(i);
            });
        int sum = 0;
        for (const auto& future : wrapped) {
            const int value = co_await future;
            sum += value;
        }
        CHECK(sum == threads * each * (each - 1) / 2);
        for (auto& completer : completers) completer.join();
    });
}

TEST_CASE("rule 56: run_coroutine_threadsafe gives result and exception to another thread") {
    LoopThread runner;
    CHECK(aio::run_coroutine_threadsafe(answer(), runner.loop()).result(patience::limit) == 42);
    const auto failing = aio::run_coroutine_threadsafe(fail_with_text(), runner.loop());
    CHECK_THROWS_WITH_AS(failing.result(patience::limit), "beyond", std::out_of_range);
}

TEST_CASE("rule 56: cancelling the concurrent future cancels the task") {
    LoopThread runner;
    patience::Gate started;
    patience::Gate cancelled;
    const auto wait_for_ever = [](patience::Gate& begun, patience::Gate& ended) -> aio::Coro<> {
        begun.open();
        try {
            co_await aio::sleep(24h);
        } catch (const aio::CancelledError&) {
            ended.open();
            throw;
        }
    };
    const auto future = aio::run_coroutine_threadsafe(wait_for_ever(started, cancelled), runner.loop());
    REQUIRE(started.wait());
    CHECK(future.cancel());
    CHECK(future.cancelled());
    CHECK(cancelled.wait());
}

TEST_CASE("rule 56: a future cancelled before the loop gets to it keeps the coroutine from starting") {
    bool started = false;
    aio::EventLoop loop;
    const auto body = [](bool& flag) -> aio::Coro<> {
        flag = true;
        co_return;
    };
    std::thread([&] {
        const auto future = aio::run_coroutine_threadsafe(body(started), loop);
        CHECK(future.cancel());
    }).join();
    loop.run_until_complete(aio::sleep(1ms));
    CHECK_FALSE(started);
}

TEST_CASE("rule 56: a task that is cancelled on its loop cancels the concurrent future") {
    LoopThread runner;
    const auto cancel_self = []() -> aio::Coro<> {
        aio::current_task().cancel();
        co_await aio::sleep(24h);
    };
    const auto future = aio::run_coroutine_threadsafe(cancel_self(), runner.loop());
    CHECK_THROWS_AS(future.result(patience::limit), aio::CancelledError);
}

TEST_CASE("run_coroutine_threadsafe: a closed loop is refused") {
    aio::EventLoop loop;
    loop.close();
    CHECK_THROWS_AS(static_cast<void>(aio::run_coroutine_threadsafe(answer(), loop)), aio::RuntimeError);
}

TEST_CASE("run_coroutine_threadsafe: nobody waits for ever for a task whose loop has closed") {
    patience::Gate started;
    const auto wait_for_ever = [](patience::Gate& begun) -> aio::Coro<> {
        begun.open();
        co_await aio::sleep(24h);
    };
    {
        LoopThread runner;
        const auto future = aio::run_coroutine_threadsafe(wait_for_ever(started), runner.loop());
        REQUIRE(started.wait());
        std::thread waiter([&] { CHECK_THROWS_AS(future.result(patience::limit), aio::CancelledError); });
        runner.stop();
        waiter.join();
    }
    aio::EventLoop never_run;
    const auto future = aio::run_coroutine_threadsafe(answer(), never_run);
    never_run.close();
    CHECK_THROWS_AS(future.result(patience::limit), aio::CancelledError);
}

TEST_CASE("run_coroutine_threadsafe: many threads start and cancel tasks of one loop") {
    LoopThread runner;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                const auto kept = aio::run_coroutine_threadsafe(answer(), runner.loop());
                const auto dropped = aio::run_coroutine_threadsafe(answer(), runner.loop());
                dropped.cancel();
                CHECK(kept.result(patience::limit) == 42);
            }
        });
    for (auto& thread : threads) thread.join();
}
