#include <aio/io/signal_handler.hpp>

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/uv/signal.hpp>

#include "stream_help.hpp"

using io_test::turn;

TEST_CASE(
    "rule 70: a signal handler runs as a callback of the loop, and the default comes back with its end") {
    aio::EventLoop loop;
    int calls = 0;
    {
        aio::SignalHandler handler(loop, SIGUSR1, [&] {
            ++calls;
            loop.stop();
        });
        CHECK(!aio::uv::signal_is_default(SIGUSR1));
        std::raise(SIGUSR1);
        CHECK(calls == 0);
        loop.run_forever();
        CHECK(calls == 1);
    }
    CHECK(aio::uv::signal_is_default(SIGUSR1));
}

TEST_CASE("rule 70: arguments are kept for the handler") {
    aio::EventLoop loop;
    std::string seen;
    aio::SignalHandler handler(
        loop, SIGUSR1,
        [&](const std::string& text) {
            seen = text;
            loop.stop();
        },
        std::string("argument"));
    std::raise(SIGUSR1);
    loop.run_forever();
    CHECK(seen == "argument");
}

TEST_CASE("signal handler: one that another is moved into stops watching what it watched") {
    aio::EventLoop loop;
    std::string calls;
    aio::SignalHandler handler(loop, SIGUSR1, [&] { calls += 'a'; });
    aio::SignalHandler other(loop, SIGUSR1, [&] {
        calls += 'b';
        loop.stop();
    });
    handler = std::move(other);
    std::raise(SIGUSR1);
    loop.run_forever();
    CHECK(calls == "b");
}

TEST_CASE("rule 70: numbers that are no signal, and signals that cannot be caught, are refused") {
    aio::EventLoop loop;
    CHECK_THROWS_AS(aio::SignalHandler(loop, 100000, [] {}), aio::ValueError);
    CHECK_THROWS_AS(aio::SignalHandler(loop, SIGKILL, [] {}), aio::RuntimeError);
    CHECK_THROWS_AS(aio::SignalHandler(loop, SIGSTOP, [] {}), aio::RuntimeError);
    loop.close();
    CHECK_THROWS_AS(aio::SignalHandler(loop, SIGUSR1, [] {}), aio::RuntimeError);
}

TEST_CASE("signal handler: an exception goes to the loop's exception handler, and later signals still come") {
    aio::EventLoop loop;
    int calls = 0;
    int reports = 0;
    loop.set_exception_handler([&](aio::EventLoop&, const aio::ErrorContext&) { ++reports; });
    aio::SignalHandler handler(loop, SIGUSR1, [&] {
        if (++calls == 2) loop.stop();
        throw std::runtime_error("from the handler");
    });
    std::raise(SIGUSR1);
    loop.run_until_complete(turn());
    CHECK(calls == 1);
    CHECK(reports == 1);
    std::raise(SIGUSR1);
    loop.run_forever();
    CHECK(calls == 2);
}

TEST_CASE("signal handler: may destroy itself, and may outlive its loop") {
    std::optional<aio::SignalHandler> outliving;
    {
        aio::EventLoop loop;
        std::optional<aio::SignalHandler> handler;
        handler.emplace(loop, SIGUSR1, [&] {
            handler.reset();
            loop.stop();
        });
        std::raise(SIGUSR1);
        loop.run_forever();
        CHECK(!handler.has_value());
        CHECK(aio::uv::signal_is_default(SIGUSR1));
        outliving.emplace(loop, SIGUSR2, [] {});
    }
    CHECK(aio::uv::signal_is_default(SIGUSR2));
}

TEST_CASE("signal handler: wakes a loop that sleeps") {
    aio::EventLoop loop;
    loop.run_until_complete([](aio::EventLoop& l) -> aio::Coro<> {
        aio::Future<> seen = l.create_future<>();
        aio::SignalHandler handler(l, SIGUSR1, [&] { seen.set_result(); });
        l.call_soon([] { std::raise(SIGUSR1); });
        co_await seen;
    }(loop));
}
