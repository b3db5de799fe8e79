#include <aio/uv/signal.hpp>

#include <csignal>
#include <system_error>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/loop.hpp>

#include "support/default_signal.hpp"

namespace uv = aio::uv;

TEST_CASE("uv signal: one that is watched for has not its default action, until the last handle stops") {
    const test_support::DefaultSignal default_action(SIGTERM);
    REQUIRE(uv::signal_is_default(SIGTERM));
    uv::Loop loop;
    uv::Signal first(loop);
    first.start(SIGTERM, uv::Callback());
    CHECK(!uv::signal_is_default(SIGTERM));
    {
        uv::Signal second(loop);
        second.start(SIGTERM, uv::Callback());
        first.stop();
        CHECK(!uv::signal_is_default(SIGTERM));
    }
    CHECK(uv::signal_is_default(SIGTERM));
    first.start(SIGTERM, uv::Callback());
    first.start(SIGHUP, uv::Callback());
    CHECK(uv::signal_is_default(SIGTERM));
}

TEST_CASE("uv signal: a handler of the program's own is no default action") {
    const test_support::DefaultSignal default_action(SIGTERM);
    REQUIRE(uv::signal_is_default(SIGTERM));
    std::signal(SIGTERM, [](int) {});
    const bool is_default = uv::signal_is_default(SIGTERM);
    const bool still_there = std::signal(SIGTERM, SIG_DFL) != SIG_DFL;
    CHECK(!is_default);
    CHECK(still_there);
    CHECK(uv::signal_is_default(SIGTERM));
}

TEST_CASE("uv signal: numbers that cannot be watched are refused") {
    uv::Loop loop;
    uv::Signal signal(loop);
    CHECK_THROWS_AS(signal.start(SIGKILL, uv::Callback()), std::system_error);
    CHECK_THROWS_AS(signal.start(100000, uv::Callback()), std::system_error);
    CHECK(uv::is_signal(SIGKILL));
    CHECK(!uv::is_signal(100000));
    CHECK(!uv::signal_is_default(100000));
}
