#include <csignal>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/loop_signals.hpp>
#include <aio/uv/signal.hpp>

#include "support/default_signal.hpp"

TEST_CASE("rule 70: add_signal_handler refuses numbers that are no signal") {
    aio::EventLoop loop;
    const auto nothing = [] {};
    CHECK_THROWS_AS(loop.add_signal_handler(100000, nothing), aio::ValueError);
    CHECK_THROWS_AS(loop.remove_signal_handler(-1), aio::ValueError);
}

TEST_CASE("rule 70: the default action comes back when the handler is removed") {
    const test_support::DefaultSignal terminate(SIGTERM);
    aio::EventLoop loop;
    loop.add_signal_handler(SIGTERM, [] {});
    CHECK_FALSE(aio::uv::signal_is_default(SIGTERM));
    CHECK(loop.remove_signal_handler(SIGTERM));
    CHECK(aio::uv::signal_is_default(SIGTERM));
}
