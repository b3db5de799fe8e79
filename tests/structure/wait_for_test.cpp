#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

ContextVar<int> variable("variable", 0);

Coro<> forever() { co_await sleep(1h); }

} // namespace

TEST_CASE("rule 44: wait_for without a limit awaits; with one it awaits in the current task") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const AnyTask me = current_task();
        const auto body = [&]() -> Coro<int> {
            CHECK(current_task() == me);
            variable.set(variable.get() + 1);
            co_return 2;
        };
        const int a = co_await wait_for(body(), std::nullopt);
        const int b = co_await wait_for(body(), 1h);
        CHECK(a + b == 4);
        CHECK(variable.get() == 2);
        CHECK(co_await outcome(wait_for(sleep(1h), 1ms)) == "timeout");
        CHECK(co_await outcome(wait_for(forever(), 500us)) == "timeout");
        CHECK(current_task().cancelling() == 0);
    });
}

TEST_CASE(
    "rule 44: wait_for without time: what is done gives its result, what is not is cancelled and joined") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        for (const std::chrono::milliseconds none : {0ms, -1ms}) {
            Future<int> done = loop.create_future<int>();
            done.set_result(7);
            const int n = co_await wait_for(done, none);
            CHECK(n == 7);
            Future<int> pending = loop.create_future<int>();
            CHECK(co_await outcome(wait_for(pending, none)) == "timeout");
            CHECK(pending.cancelled());

            bool started = false;
            const auto never = [&]() -> Coro<> {
                started = true;
                co_return;
            };
            CHECK(co_await outcome(wait_for(never(), none)) == "timeout");
            CHECK_FALSE(started);

            int cleanup = 0;
            const auto slow = [&]() -> Coro<> {
                static_cast<void>(co_await outcome(sleep(1h)));
                for (; cleanup < 4; ++cleanup) co_await sleep(0s);
                throw CancelledError();
            };
            const Task<> task = loop.create_task(slow());
            co_await rounds(1);
            CHECK(co_await outcome(wait_for(task, none)) == "timeout");
            CHECK(cleanup == 4);
            std::string cause;
            try {
                co_await wait_for(sleep(1h), none);
            } catch (const TimeoutError& error) {
                cause = thrown_by([&] { std::rethrow_if_nested(error); });
            }
            CHECK(cause == "cancelled");
            const auto refuses = []() -> Coro<int> {
                static_cast<void>(co_await outcome(sleep(1h)));
                co_return 5;
            };
            Task<int> stubborn = loop.create_task(refuses());
            co_await rounds(1);
            const int value = co_await wait_for(stubborn, none);
            CHECK(value == 5);
        }
    });
}

TEST_CASE("rule 45: an inner that swallows the cancellation gives its value, one that fails its error") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto swallows = []() -> Coro<int> {
            static_cast<void>(co_await outcome(sleep(1h)));
            co_await rounds(3);
            co_return 11;
        };
        const int inline_value = co_await wait_for(swallows(), 1ms);
        const int task_value = co_await wait_for(loop.create_task(swallows()), 1ms);
        CHECK(inline_value == 11);
        CHECK(task_value == 11);
        const auto fails = []() -> Coro<int> {
            static_cast<void>(co_await outcome(sleep(1h)));
            throw std::runtime_error("clean-up failed");
        };
        CHECK(co_await outcome(wait_for(fails(), 1ms)) == "clean-up failed");
        CHECK(co_await outcome(wait_for(loop.create_task(fails()), 1ms)) == "clean-up failed");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE(
    "rule 45: cancelling wait_for cancels what it waits for, and a value that has arrived is not lost") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Future<std::unique_ptr<int>> future = loop.create_future<std::unique_ptr<int>>();
        std::string log;
        const auto body = [&]() -> Coro<> {
            const std::unique_ptr<int> value = co_await wait_for(Future<std::unique_ptr<int>>(future), 1h);
            log = std::to_string(*value);
            log += ", " + co_await outcome(sleep(0s));
        };
        SUBCASE("cancelled first") {
            Task<> task = loop.create_task(body());
            co_await rounds(1);
            task.cancel("outside");
            CHECK(future.cancelled());
            CHECK(co_await outcome(task) == "cancelled: outside");
        }
        SUBCASE("completed first, in the same round") {
            Task<> task = loop.create_task(body());
            co_await rounds(1);
            future.set_result(std::make_unique<int>(3));
            task.cancel("outside");
            co_await task;
            CHECK(log == "3, cancelled: outside");
        }
        SUBCASE("without time left, it stops waiting for the end of a task that it has cancelled") {
            bool release = false;
            const auto slow = [&]() -> Coro<> {
                static_cast<void>(co_await outcome(sleep(1h)));
                while (!release) co_await sleep(0s);
            };
            Task<> inner = loop.create_task(slow());
            co_await rounds(1);
            Task<> task = loop.create_task(wait_for(inner, 0s));
            co_await rounds(3);
            CHECK_FALSE(task.done());
            task.cancel("outside");
            CHECK(co_await outcome(task) == "cancelled: outside");
            CHECK_FALSE(inner.done());
            release = true;
            co_await inner;
        }
    });
}
