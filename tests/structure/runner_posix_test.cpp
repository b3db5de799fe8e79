// Ctrl-C as a signal: on Windows it is a console event, which a test cannot raise.

#include <chrono>
#include <csignal>
#include <string>

#include <doctest/doctest.h>

#include <aio/aio.hpp>

#include "runner_help.hpp"
#include "support/default_signal.hpp"

namespace {

using namespace std::chrono_literals;
using namespace runner_test;

void press_ctrl_c() { std::raise(SIGINT); }

} // namespace

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
