#include <aio/uv/signal.hpp>

#include <csignal>

#include <doctest/doctest.h>

#include <aio/uv/loop.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;

TEST_CASE("uv signal: calls back on the loop, restores the default when stopped") {
    REQUIRE(uv::signal_is_default(SIGUSR1));
    uv::Loop loop;
    uv_test::Counter seen;
    {
        uv::Signal signal(loop);
        signal.start(SIGUSR1, seen.callback());
        CHECK(!uv::signal_is_default(SIGUSR1));
        CHECK(!loop.alive());
        std::raise(SIGUSR1);
        CHECK(seen.calls == 0);
        uv_test::run_until(loop, [&] { return seen.calls == 1; });
    }
    CHECK(uv::signal_is_default(SIGUSR1));
}

TEST_CASE("uv signal: two handles of two loops both hear a signal") {
    uv::Loop first_loop;
    uv::Loop second_loop;
    uv_test::Counter first_seen;
    uv_test::Counter second_seen;
    uv::Signal first(first_loop);
    uv::Signal second(second_loop);
    first.start(SIGUSR2, first_seen.callback());
    second.start(SIGUSR2, second_seen.callback());
    std::raise(SIGUSR2);
    uv_test::run_until(first_loop, [&] { return first_seen.calls == 1; });
    uv_test::run_until(second_loop, [&] { return second_seen.calls == 1; });
}
