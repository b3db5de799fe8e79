#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/aio.hpp>

#include "support/default_signal.hpp"

namespace {

using namespace std::chrono_literals;

aio::ContextVar<int> run_number("run number", 0);

aio::Coro<int> give(int n) {
    co_await aio::sleep(0s);
    co_return n;
}

aio::Coro<> fail() {
    co_await aio::sleep(0s);
    throw std::out_of_range("too far");
}

/// Waits until cancelled, and notes how it ended.
aio::Coro<> wait_for_ever(std::string& ended) {
    try {
        co_await aio::get_running_loop().create_future<>();
        ended = "value";
    } catch (const aio::CancelledError&) {
        ended = "cancelled";
        throw;
    }
}

void press_ctrl_c() { std::raise(SIGINT); }

} // namespace

TEST_CASE("run gives the result of the main coroutine, and throws its exception") {
    CHECK(aio::run(give(42)) == 42);
    CHECK_THROWS_AS(aio::run(fail()), std::out_of_range);
}

TEST_CASE("run takes a callable and its arguments, and keeps a lambda's captures alive") {
    const std::string word = "captured";
    const auto main = [word](int n) -> aio::Coro<std::string> {
        co_await aio::sleep(0s);
        co_return word + std::to_string(n);
    };
    CHECK(aio::run(main, 7) == "captured7");
}

TEST_CASE("rule 71: tasks that are left when main ends are cancelled and joined") {
    std::string ended;
    const auto main = [&]() -> aio::Coro<> {
        aio::create_task(wait_for_ever(ended));
        co_await aio::sleep(0s);
    };
    aio::run(main);
    CHECK(ended == "cancelled");
}

TEST_CASE("rule 71: what a task throws during shutdown is reported to the exception handler") {
    std::vector<std::string> reports;
    const auto stubborn = []() -> aio::Coro<> {
        try {
            co_await aio::sleep(1h);
        } catch (const aio::CancelledError&) {
        }
        throw std::runtime_error("not now");
    };
    const auto main = [&]() -> aio::Coro<> {
        aio::get_running_loop().set_exception_handler(
            [&](aio::EventLoop&, const aio::ErrorContext& context) { reports.push_back(aio::describe(context)); });
        aio::create_task(stubborn(), "stubborn");
        co_await aio::sleep(0s);
    };
    aio::run(main);
    REQUIRE(reports.size() == 1);
    CHECK(reports[0] == "unhandled exception during run() shutdown (stubborn): std::runtime_error: not now");
}

TEST_CASE("rule 71: run waits for calls in the default executor") {
    bool called = false;
    const auto main = [&]() -> aio::Coro<> {
        aio::get_running_loop().run_in_executor(nullptr, [&] { called = true; });
        co_return;
    };
    aio::run(main);
    CHECK(called);
}

TEST_CASE("rule 72: Ctrl-C cancels main, and becomes KeyboardInterrupt when main ends by that") {
    const test_support::DefaultSignal default_interrupt(SIGINT);
    std::string ended;
    const auto main = [&]() -> aio::Coro<> {
        aio::get_running_loop().call_soon(press_ctrl_c);
        co_await wait_for_ever(ended);
    };
    CHECK_THROWS_AS(aio::run(main), aio::KeyboardInterrupt);
    CHECK(ended == "cancelled");
}

TEST_CASE("rule 72: main may swallow the cancellation of a Ctrl-C and give a result") {
    const test_support::DefaultSignal default_interrupt(SIGINT);
    const auto main = []() -> aio::Coro<int> {
        aio::get_running_loop().call_soon(press_ctrl_c);
        try {
            co_await aio::sleep(1h);
        } catch (const aio::CancelledError&) {
        }
        co_return 3;
    };
    CHECK(aio::run(main) == 3);
}

TEST_CASE("rule 72: a second Ctrl-C throws KeyboardInterrupt although main does not end") {
    const test_support::DefaultSignal default_interrupt(SIGINT);
    const auto main = []() -> aio::Coro<> {
        for (;;) {
            aio::get_running_loop().call_soon(press_ctrl_c);
            bool interrupted = false;
            try {
                co_await aio::sleep(1h);
            } catch (const aio::CancelledError&) {
                interrupted = aio::current_task().cancelling() == 1;
            }
            // Only the first one is taken here; the sweep at the end of the run must be let through.
            if (!interrupted) break;
        }
    };
    CHECK_THROWS_AS(aio::run(main), aio::KeyboardInterrupt);
}

TEST_CASE("rule 72: somebody else's cancellation beside Ctrl-C stays a CancelledError") {
    const test_support::DefaultSignal default_interrupt(SIGINT);
    const auto main = []() -> aio::Coro<> {
        aio::AnyTask self = aio::current_task();
        aio::get_running_loop().call_soon([self]() mutable { self.cancel(); });
        aio::get_running_loop().call_soon(press_ctrl_c);
        try {
            co_await aio::sleep(1h);
        } catch (const aio::CancelledError&) {
        }
        co_await aio::sleep(1h);
    };
    CHECK_THROWS_AS(aio::run(main), aio::CancelledError);
}

TEST_CASE("rule 72: the signal has its default action again after each run") {
    const test_support::DefaultSignal default_interrupt(SIGINT);
    aio::run(give(1));
    const bool is_default = std::signal(SIGINT, SIG_DFL) == SIG_DFL;
    CHECK(is_default);
}

TEST_CASE("rule 73: all runs of a Runner share one loop and one context") {
    aio::Runner runner;
    aio::EventLoop* loop = nullptr;
    const auto first = [&]() -> aio::Coro<> {
        run_number.set(1);
        loop = &aio::get_running_loop();
        co_return;
    };
    const auto second = [&]() -> aio::Coro<int> {
        CHECK(&aio::get_running_loop() == loop);
        co_return run_number.get();
    };
    runner.run(first());
    CHECK(runner.run(second()) == 1);
    CHECK(run_number.get() == 0);
}

TEST_CASE("rule 73: a closed Runner runs nothing, and closing it twice is harmless") {
    aio::Runner runner;
    CHECK(runner.run(give(1)) == 1);
    runner.close();
    runner.close();
    CHECK_THROWS_WITH_AS(runner.run(give(2)), "Runner is closed", aio::RuntimeError);
}

TEST_CASE("rule 73: a Runner that never ran never makes a loop") {
    bool made = false;
    {
        aio::Runner runner([&] {
            made = true;
            return std::make_unique<aio::EventLoop>();
        });
        runner.close();
    }
    CHECK_FALSE(made);
}

TEST_CASE("run cannot be called inside a running loop") {
    const auto main = []() -> aio::Coro<> {
        CHECK_THROWS_AS(aio::run(give(1)), aio::RuntimeError);
        co_return;
    };
    aio::run(main);
}
