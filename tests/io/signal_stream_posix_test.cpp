#include <aio/io/signal_stream.hpp>

#include <csignal>
#include <memory>
#include <optional>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/uv/signal.hpp>

#include "io/stream_help.hpp"
#include "support/conformance.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;

namespace {

Coro<int> wait_for_a_signal(Gate& gate) {
    SignalStream signals(SIGUSR1);
    gate.on_open([] {
        // The loop may be gone, and with it whoever catches it.
        if (!uv::signal_is_default(SIGUSR1)) std::raise(SIGUSR1);
    });
    const std::optional<int> signum = co_await signals.next();
    co_return signum == SIGUSR1 ? 7 : 0;
}

} // namespace

TEST_CASE(
    "signal stream: signals come in their order, and what comes again before it is asked for is merged") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        SignalStream signals(SIGUSR1, SIGUSR2);
        std::raise(SIGUSR2);
        co_await io_test::turn();
        std::raise(SIGUSR1);
        co_await io_test::turn();
        std::raise(SIGUSR2);
        co_await io_test::turn();
        CHECK(co_await signals.next() == SIGUSR2);
        CHECK(co_await signals.next() == SIGUSR1);
        std::raise(SIGUSR1);
        CHECK(co_await signals.next() == SIGUSR1);
    });
    CHECK(uv::signal_is_default(SIGUSR1));
    CHECK(uv::signal_is_default(SIGUSR2));
}

TEST_CASE("signal stream: closing it, or its loop, ends it and restores the default") {
    std::optional<SignalStream> outliving;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        SignalStream signals(SIGUSR1);
        const auto wait = [&]() -> Coro<bool> {
            const std::optional<int> signum = co_await signals.next();
            co_return signum.has_value();
        };
        Task<bool> waiting = create_task(wait);
        co_await rounds(2);
        CHECK_FALSE(uv::signal_is_default(SIGUSR1));
        signals.close();
        CHECK(uv::signal_is_default(SIGUSR1));
        CHECK_FALSE(co_await waiting);
        CHECK_FALSE(co_await wait());
        outliving.emplace(loop, std::vector<int>(1, SIGUSR2));
    });
    CHECK(uv::signal_is_default(SIGUSR2));
}

TEST_CASE("rule 70: numbers that are no signal, and signals that cannot be caught, make no stream") {
    EventLoop loop;
    CHECK_THROWS_AS(SignalStream(loop, std::vector<int>(1, 100000)), ValueError);
    CHECK_THROWS_AS(SignalStream(loop, std::vector<int>(1, SIGKILL)), RuntimeError);
    CHECK_THROWS_AS(SignalStream(loop, std::vector<int>()), ValueError);
    CHECK_THROWS_AS(SignalStream(SIGUSR1), RuntimeError);
    CHECK(uv::signal_is_default(SIGUSR1));
}

TEST_CASE("signal stream: a signal that is named twice comes once") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        SignalStream signals(SIGUSR1, SIGUSR1, SIGUSR2);
        ::raise(SIGUSR1);
        const std::optional<int> first = co_await signals.next();
        ::raise(SIGUSR2);
        const std::optional<int> second = co_await signals.next();
        CHECK(first == SIGUSR1);
        CHECK(second == SIGUSR2);
    });
}

TEST_CASE("conformance: streams of signals") {
    check_conformance("SignalStream.next", 7, [](Gate& gate) { return wait_for_a_signal(gate); });
}
