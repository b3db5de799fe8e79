#include <csignal>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/io/loop_signals.hpp>
#include <aio/structure/runner.hpp>
#include <aio/uv/signal.hpp>

#include "support/default_signal.hpp"

TEST_CASE("rule 70: add_signal_handler sets one handler for a signal, which replaces the one before") {
    aio::EventLoop loop;
    std::string log;
    const auto note = [&](const std::string& text) {
        log += text;
        loop.stop();
    };
    loop.add_signal_handler(SIGUSR1, note, "first");
    loop.add_signal_handler(SIGUSR1, note, "second");
    loop.add_signal_handler(SIGUSR2, note, "other");
    CHECK(loop.has_signal_handler(SIGUSR1));
    std::raise(SIGUSR1);
    CHECK(log.empty());
    loop.run_forever();
    CHECK(log == "second");
    std::raise(SIGUSR2);
    loop.run_forever();
    CHECK(log == "secondother");
}

TEST_CASE("rule 70: remove_signal_handler says whether there was one, and a queued call does not happen") {
    aio::EventLoop loop;
    int calls = 0;
    const auto main = [&]() -> aio::Coro<> {
        loop.add_signal_handler(SIGUSR1, [&] { ++calls; });
        std::raise(SIGUSR1);
        CHECK(loop.remove_signal_handler(SIGUSR1));
        CHECK_FALSE(loop.remove_signal_handler(SIGUSR1));
        co_await aio::sleep(std::chrono::seconds(0));
        co_await aio::sleep(std::chrono::seconds(0));
    };
    loop.run_until_complete(main());
    CHECK(calls == 0);
    CHECK_FALSE(loop.has_signal_handler(SIGUSR1));
    CHECK(aio::uv::signal_is_default(SIGUSR1));
}

TEST_CASE("rule 70: a handler may replace or remove itself") {
    aio::EventLoop loop;
    std::string log;
    const auto second = [&] {
        log += "2";
        CHECK(loop.remove_signal_handler(SIGUSR1));
        loop.stop();
    };
    loop.add_signal_handler(SIGUSR1, [&] {
        log += "1";
        loop.add_signal_handler(SIGUSR1, second);
        loop.stop();
    });
    std::raise(SIGUSR1);
    loop.run_forever();
    std::raise(SIGUSR1);
    loop.run_forever();
    CHECK(log == "12");
    CHECK(aio::uv::signal_is_default(SIGUSR1));
}

TEST_CASE("rule 70: signals that cannot be caught are refused, and a closed loop has no handlers") {
    const auto nothing = [] {};
    aio::EventLoop loop;
    CHECK_THROWS_AS(loop.add_signal_handler(SIGKILL, nothing), aio::RuntimeError);
    CHECK_FALSE(loop.has_signal_handler(SIGKILL));
    loop.add_signal_handler(SIGUSR1, nothing);
    loop.close();
    CHECK(aio::uv::signal_is_default(SIGUSR1));
    CHECK_FALSE(loop.has_signal_handler(SIGUSR1));
    CHECK_THROWS_AS(loop.add_signal_handler(SIGUSR1, nothing), aio::RuntimeError);
    CHECK_THROWS_AS(loop.remove_signal_handler(SIGUSR1), aio::RuntimeError);
}

TEST_CASE("rule 72: a handler that the program sets for SIGINT takes the place of the runner's") {
    const test_support::DefaultSignal interrupt(SIGINT);
    aio::Runner runner;
    const auto main = [&]() -> aio::Coro<std::string> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::Future<> seen = loop.create_future<>();
        loop.add_signal_handler(SIGINT, [&] { seen.set_result(); });
        std::raise(SIGINT);
        co_await seen;
        CHECK(aio::current_task().cancelling() == 0);
        co_return "handled";
    };
    CHECK(runner.run(main()) == "handled");
}
