#include <aio/io/signal_handler.hpp>

#include <csignal>
#include <optional>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/uv/signal.hpp>

TEST_CASE(
    "signal handler: while it lives the signal has not its default action; a closed loop takes it back") {
    std::optional<aio::SignalHandler> outliving;
    {
        aio::EventLoop loop;
        {
            aio::SignalHandler handler(loop, SIGTERM, [] {});
            CHECK(!aio::uv::signal_is_default(SIGTERM));
        }
        CHECK(aio::uv::signal_is_default(SIGTERM));
        outliving.emplace(loop, SIGTERM, [] {});
        CHECK(!aio::uv::signal_is_default(SIGTERM));
    }
    CHECK(aio::uv::signal_is_default(SIGTERM));
}

TEST_CASE("rule 70: a number that is no signal is refused") {
    aio::EventLoop loop;
    CHECK_THROWS_AS(aio::SignalHandler(loop, 100000, [] {}), aio::ValueError);
    CHECK_THROWS_AS(aio::SignalHandler(loop, -1, [] {}), aio::ValueError);
}
