// Shields: scopes that hold back the cancellations outside of them.

#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/cancel_scope.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/testing/run.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> forever() { co_await sleep(24h); }

} // namespace

TEST_CASE("cancel scope: a shield holds back scopes around it until it is left") {
    testing::run([]() -> Coro<> {
        std::vector<std::string> log;
        const auto protected_body = [&](CancelScope&) -> Coro<> {
            log.push_back(co_await outcome(sleep(1s)));
            log.push_back(co_await outcome(sleep(0s)));
        };
        const auto body = [&](CancelScope& outer) -> Coro<> {
            get_running_loop().call_later(500ms, [&outer] { outer.cancel("outer"); });
            const bool ended = co_await with_cancel_scope(ScopeOptions().shield(), protected_body);
            CHECK(ended);
            log.push_back(co_await outcome(sleep(0s)));
        };
        CHECK(co_await with_cancel_scope(body));
        CHECK(log == std::vector<std::string>{"value", "value", "cancelled: outer"});
    });
}

TEST_CASE("cancel scope: a shield holds back requests to the task, and they are delivered after it") {
    testing::run([]() -> Coro<> {
        std::vector<std::string> log;
        const auto protected_body = [&](CancelScope&) -> Coro<> {
            log.push_back(co_await outcome(sleep(1s)));
            // The timeouts inside work, although the request outside is pending.
            log.push_back(co_await outcome(wait_for(forever(), 1s)));
            log.push_back(co_await outcome(sleep(1s)));
        };
        const auto main = [&]() -> Coro<> {
            co_await with_cancel_scope(ScopeOptions().shield(), protected_body);
            log.push_back(co_await outcome(sleep(0s)));
            log.push_back(co_await outcome(sleep(0s)));
        };
        Task<> task = create_task(main());
        co_await rounds(2);
        CHECK(task.cancel("held"));
        CHECK(task.cancel("again"));
        CHECK(task.cancelling() == 2);
        co_await task;
        CHECK(log == std::vector<std::string>{"value", "timeout", "value", "cancelled: held", "value"});
    });
}

TEST_CASE("cancel scope: a group that aborts waits for the shielded cleanup of its tasks") {
    testing::run([]() -> Coro<> {
        bool cleaned = false;
        const auto child = [&]() -> Coro<> {
            std::exception_ptr error;
            try {
                co_await forever();
            } catch (...) {
                error = std::current_exception();
            }
            const auto clean = [&](CancelScope&) -> Coro<> {
                co_await sleep(1s);
                cleaned = true;
            };
            co_await with_cancel_scope(ScopeOptions().shield().timeout(5s), clean);
            std::rethrow_exception(error);
        };
        const auto body = [&](TaskGroup& group) -> Coro<> {
            group.create_task(child());
            co_await sleep(1s);
            throw std::runtime_error("body");
        };
        CHECK(co_await outcome(with_task_group(body)) == "group[body]");
        CHECK(cleaned);
    });
}

TEST_CASE("cancel scope: a shield's own deadline works, and a cancellation held back follows it") {
    testing::run([]() -> Coro<> {
        std::vector<std::string> log;
        const auto main = [&]() -> Coro<> {
            const bool ended = co_await with_cancel_scope(ScopeOptions().shield().timeout(2s),
                                                          [](CancelScope&) -> Coro<> { return forever(); });
            log.push_back(ended ? "ended" : "cut short");
            log.push_back(co_await outcome(sleep(0s)));
        };
        Task<> task = create_task(main());
        co_await sleep(1s);
        task.cancel("held");
        co_await task;
        CHECK(log == std::vector<std::string>{"cut short", "cancelled: held"});
    });
}

TEST_CASE("cancel scope: an outer timeout that runs out during a shield raises TimeoutError after it") {
    testing::run([]() -> Coro<> {
        bool protected_ended = false;
        const auto limited = [&](Timeout&) -> Coro<> {
            const auto protected_body = [&](CancelScope&) -> Coro<> {
                co_await sleep(2s);
                protected_ended = true;
            };
            co_await with_cancel_scope(ScopeOptions().shield(), protected_body);
            co_await forever();
        };
        CHECK(co_await outcome(with_timeout(1s, limited)) == "timeout");
        CHECK(protected_ended);
        CHECK(current_task().cancelling() == 0);
    });
}
