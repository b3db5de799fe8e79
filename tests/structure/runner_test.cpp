#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/aio.hpp>

#include "runner_help.hpp"

namespace {

using namespace std::chrono_literals;
using namespace runner_test;

aio::ContextVar<int> run_number("run number", 0);

aio::Coro<> fail() {
    co_await aio::sleep(0s);
    throw std::out_of_range("too far");
}

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
        aio::get_running_loop().set_exception_handler([&](aio::EventLoop&, const aio::ErrorContext& context) {
            reports.push_back(aio::describe(context));
        });
        aio::create_task(stubborn(), "stubborn");
        co_await aio::sleep(0s);
    };
    aio::run(main);
    REQUIRE(reports.size() == 1);
    CHECK(reports[0].starts_with("unhandled exception during run() shutdown (stubborn, made at "));
    CHECK(reports[0].ends_with("): std::runtime_error: not now"));
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

TEST_CASE("rule 73: a Runner copies the context in which its loop is made") {
    aio::Runner runner;
    aio::Context outer;
    outer.run([&] {
        run_number.set(5);
        const auto read = []() -> aio::Coro<int> {
            const int seen = run_number.get();
            run_number.set(6);
            co_return seen;
        };
        CHECK(runner.run(read()) == 5);
        CHECK(run_number.get() == 5);
        run_number.set(7);
        CHECK(runner.run(read()) == 6);
    });
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
