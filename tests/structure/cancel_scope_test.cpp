#include <aio/structure/cancel_scope.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/staggered_race.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/testing/run.hpp>

#include "support/conformance.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> forever() { co_await sleep(24h); }
Coro<int> after(int count, int result) {
    co_await rounds(count);
    co_return result;
}

} // namespace

TEST_CASE("cancel scope: a body that ends by itself gives its result") {
    testing::run([]() -> Coro<> {
        const bool ended = co_await with_cancel_scope([](CancelScope&) -> Coro<> { co_await sleep(1s); });
        CHECK(ended);
        const std::optional<int> value =
            co_await with_cancel_scope([](CancelScope&) -> Coro<int> { return after(3, 7); });
        CHECK(value == 7);
        const std::optional<std::unique_ptr<int>> moved = co_await with_cancel_scope(
            [](CancelScope&) -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(8); });
        REQUIRE(moved.has_value());
        CHECK(**moved == 8);
    });
}

TEST_CASE("cancel scope: cancelling it ends its body, and the code after it goes on") {
    testing::run([]() -> Coro<> {
        EventLoop& loop = get_running_loop();
        std::string seen;
        CancelScope scope;
        loop.call_later(1s, [&] { scope.cancel("enough"); });
        const TimePoint before = loop.time();
        const auto body = [&](CancelScope&) -> Coro<int> {
            seen = co_await outcome(forever());
            co_await forever();
            co_return 1;
        };
        const std::optional<int> value = co_await with_cancel_scope(scope, body);
        CHECK_FALSE(value.has_value());
        CHECK(seen == "cancelled: enough");
        CHECK(loop.time() - before == 1s);
        CHECK(scope.cancel_called());
        CHECK(scope.cancelled_caught());
        CHECK(scope.reason() == "enough");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(1s)) == "value");
    });
}

TEST_CASE("cancel scope: inside it every further await raises, however often that is swallowed") {
    testing::run([]() -> Coro<> {
        std::vector<std::string> seen;
        const auto body = [&](CancelScope& scope) -> Coro<> {
            scope.cancel();
            seen.push_back(co_await outcome(sleep(0s)));
            seen.push_back(co_await outcome(sleep(1h)));
            Future<> never = get_running_loop().create_future<>();
            seen.push_back(co_await outcome(never));
            seen.push_back(co_await outcome(wait_for(forever(), 1h)));
            // What is there already is given.
            Future<int> ready = get_running_loop().create_future<int>();
            ready.set_result(1);
            seen.push_back(co_await outcome(ready));
        };
        const bool ended = co_await with_cancel_scope(body);
        CHECK(ended);
        CHECK(seen == std::vector<std::string>{"cancelled", "cancelled", "cancelled", "cancelled", "value"});
    });
}

TEST_CASE("cancel scope: one that swallows its cancellation and goes on for ever does not live for ever") {
    testing::run([]() -> Coro<> {
        int swallowed = 0;
        const auto stubborn = [&](CancelScope&) -> Coro<> {
            while (swallowed < 10) {
                const std::string end = co_await outcome(forever());
                swallowed += end == "cancelled: deadline" ? 1 : 0;
            }
        };
        const bool ended = co_await move_on_after(1s, stubborn);
        CHECK(ended);
        CHECK(swallowed == 10);
    });
}

TEST_CASE(
    "cancel scope: a deadline counts from entering, can be moved, and one that has passed acts at once") {
    testing::run([]() -> Coro<> {
        EventLoop& loop = get_running_loop();
        CancelScope late(ScopeOptions().timeout(2s));
        CHECK_FALSE(late.deadline().has_value());
        co_await sleep(1h);
        TimePoint before = loop.time();
        bool ended = co_await with_cancel_scope(late, [](CancelScope&) -> Coro<> { return forever(); });
        CHECK_FALSE(ended);
        CHECK(loop.time() - before == 2s);
        CHECK(late.reason() == "deadline");

        before = loop.time();
        const auto moving = [&](CancelScope& scope) -> Coro<> {
            co_await sleep(1s);
            scope.set_deadline(loop.time() + 5s);
            co_await forever();
        };
        ended = co_await move_on_after(2s, moving);
        CHECK_FALSE(ended);
        CHECK(loop.time() - before == 6s);

        const auto removing = [&](CancelScope& scope) -> Coro<> {
            scope.set_deadline(std::nullopt);
            co_await sleep(10s);
        };
        ended = co_await move_on_after(2s, removing);
        CHECK(ended);
        ended = co_await move_on_after(0s, [](CancelScope&) -> Coro<> { co_await sleep(0s); });
        CHECK_FALSE(ended);
        ended = co_await move_on_after(0s, [](CancelScope&) -> Coro<> { co_return; });
        CHECK(ended);
        CHECK_THROWS_AS(late.set_deadline(std::nullopt), RuntimeError);
    });
}

TEST_CASE("cancel scope: cancelled before it is entered, it acts on entering") {
    testing::run([]() -> Coro<> {
        CancelScope scope;
        scope.cancel("early");
        std::string seen;
        const auto body = [&](CancelScope&) -> Coro<> {
            seen = "ran";
            co_await sleep(0s);
            seen = "went on";
        };
        const bool ended = co_await with_cancel_scope(scope, body);
        CHECK_FALSE(ended);
        CHECK(seen == "ran");
    });
}

TEST_CASE("cancel scope: the outer of two that are cancelled catches; the inner alone leaves the outer be") {
    testing::run([]() -> Coro<> {
        std::string log;
        const auto nested = [&](CancelScope& outer) -> Coro<> {
            const auto inner = [&](CancelScope& scope) -> Coro<> {
                scope.cancel("inner");
                outer.cancel("outer");
                co_await forever();
            };
            co_await with_cancel_scope(inner);
            log += "between";
        };
        const bool ended = co_await with_cancel_scope(nested);
        CHECK_FALSE(ended);
        CHECK(log.empty());

        const auto only_inner = [&](CancelScope&) -> Coro<> {
            const auto inner = [](CancelScope& scope) -> Coro<> {
                scope.cancel();
                co_await forever();
            };
            const bool inner_ended = co_await with_cancel_scope(inner);
            CHECK_FALSE(inner_ended);
            co_await sleep(1s);
            log += "after";
        };
        CHECK(co_await with_cancel_scope(only_inner));
        CHECK(log == "after");
    });
}

TEST_CASE("cancel scope: the tasks of a group inside it are inside it, also those that swallow") {
    testing::run([]() -> Coro<> {
        int swallowed = 0;
        bool joined = false;
        const auto stubborn = [&]() -> Coro<> {
            for (; swallowed < 5;) swallowed += co_await outcome(forever()) == "cancelled: stop" ? 1 : 0;
            joined = true;
        };
        const auto body = [&](CancelScope& scope) -> Coro<> {
            const auto in_group = [&](TaskGroup& group) -> Coro<> {
                group.create_task(stubborn());
                group.create_task(forever());
                co_await rounds(2);
                scope.cancel("stop");
                co_await forever();
            };
            co_await with_task_group(in_group);
        };
        const bool ended = co_await with_cancel_scope(body);
        CHECK_FALSE(ended);
        CHECK(joined);
        CHECK(swallowed == 5);
        CHECK(current_task().cancelling() == 0);
    });
}

TEST_CASE("cancel scope: a group that joins its tasks in a cancelled scope waits without spinning") {
    testing::run([]() -> Coro<> {
        EventLoop& loop = get_running_loop();
        RoundCounter counter(loop);
        Future<> release = loop.create_future<>();
        const auto slow = [&]() -> Coro<> {
            const auto shielded = [&](CancelScope&) -> Coro<> { co_await release; };
            co_await with_cancel_scope(ScopeOptions().shield(), shielded);
        };
        int resumed = 0;
        const auto body = [&](CancelScope& scope) -> Coro<> {
            const auto in_group = [&](TaskGroup& group) -> Coro<> {
                group.create_task(slow());
                co_await rounds(1);
                scope.cancel();
                co_await forever();
            };
            co_await with_task_group(in_group);
            ++resumed;
        };
        Task<bool> task = loop.create_task(with_cancel_scope(body));
        co_await rounds(100);
        CHECK_FALSE(task.done());
        CHECK(loop.all_tasks().size() == 3);
        release.set_result();
        CHECK_FALSE(co_await task);
        CHECK(resumed == 0);
    });
}

TEST_CASE("cancel scope: a group's task that starts in a cancelled scope runs to its first wait") {
    testing::run([]() -> Coro<> {
        std::vector<std::string> log;
        const auto child = [&](const char* name) -> Coro<> {
            log.push_back(name);
            log.push_back(co_await outcome(sleep(0s)));
        };
        const auto body = [&](CancelScope& scope) -> Coro<> {
            scope.cancel("all");
            const auto in_group = [&](TaskGroup& group) -> Coro<> {
                group.create_task(child("queued"));
                group.create_task(child("eager"), TaskOptions().eager_start());
                co_return;
            };
            co_await with_task_group(in_group);
        };
        CHECK_FALSE(co_await with_cancel_scope(body));
        const std::vector<std::string> expected{"eager", "queued", "cancelled: all", "cancelled: all"};
        CHECK(log == expected);
    });
}

TEST_CASE("cancel scope: Task.cancel inside a scope passes through it") {
    testing::run([]() -> Coro<> {
        std::string log;
        const auto body = [](CancelScope&) -> Coro<> { return forever(); };
        const auto main = [&]() -> Coro<> {
            co_await with_cancel_scope(body);
            log += "after";
        };
        Task<> task = create_task(main());
        co_await rounds(2);
        task.cancel("request");
        CHECK(co_await outcome(task) == "cancelled: request");
        CHECK(log.empty());

        // Both at once: the request is not lost.
        CancelScope scope;
        const auto both = [&]() -> Coro<> {
            co_await with_cancel_scope(scope, body);
            log += "after";
        };
        Task<> second = create_task(both());
        co_await rounds(2);
        scope.cancel("scope");
        second.cancel("request");
        CHECK((co_await outcome(second)).starts_with("cancelled"));
        CHECK(log.empty());
        CHECK(second.cancelling() == 1);
    });
}

TEST_CASE("cancel scope: timeouts and groups inside a cancelled scope keep their counts") {
    testing::run([]() -> Coro<> {
        const auto body = [](CancelScope& scope) -> Coro<> {
            const auto limited = [&](Timeout&) -> Coro<> {
                scope.cancel();
                co_await forever();
            };
            co_await with_timeout(1h, limited);
        };
        CHECK_FALSE(co_await with_cancel_scope(body));
        CHECK(current_task().cancelling() == 0);

        // A timeout around it: its error comes out of it, not of the scope.
        const auto around = [](Timeout&) -> Coro<> {
            co_await with_cancel_scope([](CancelScope&) -> Coro<> { return forever(); });
        };
        CHECK(co_await outcome(with_timeout(1s, around)) == "timeout");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(1s)) == "value");
    });
}

TEST_CASE("cancel scope: an await of a task cancels that, and waits until it has ended") {
    testing::run([]() -> Coro<> {
        std::string inner_saw;
        const auto inner = [&]() -> Coro<> {
            inner_saw = co_await outcome(forever());
            co_await sleep(1s);
        };
        Task<> task = create_task(inner());
        const auto body = [&](CancelScope& scope) -> Coro<> {
            get_running_loop().call_later(1s, [&scope] { scope.cancel("scope"); });
            co_await task;
        };
        CHECK(co_await with_cancel_scope(body));
        CHECK(inner_saw == "cancelled: scope");
        CHECK(task.done());
    });
}

TEST_CASE("cancel scope: errors of the body pass, and a cancellation it makes up itself") {
    testing::run([]() -> Coro<> {
        const auto fail = [](CancelScope& scope) -> Coro<> {
            scope.cancel();
            static_cast<void>(co_await outcome(sleep(0s)));
            throw std::runtime_error("body");
        };
        CHECK(co_await outcome(with_cancel_scope(fail)) == "body");
        const auto made_up = [](CancelScope&) -> Coro<> {
            throw CancelledError("made up");
            co_return;
        };
        CHECK(co_await outcome(with_cancel_scope(made_up)) == "cancelled: made up");
    });
}

TEST_CASE("cancel scope: misuse is refused") {
    testing::run([]() -> Coro<> {
        CancelScope scope;
        CHECK_THROWS_AS(scope.exit(nullptr), RuntimeError);
        scope.enter();
        CHECK_THROWS_AS(scope.enter(), RuntimeError);
        CancelScope inner;
        inner.enter();
        CHECK_THROWS_AS(scope.exit(nullptr), RuntimeError);
        const auto elsewhere = [&]() -> Coro<> {
            inner.exit(nullptr);
            co_return;
        };
        CHECK((co_await outcome(create_task(elsewhere()))).find("left by the task") != std::string::npos);
        inner.exit(nullptr);
        scope.exit(nullptr);
        CHECK_THROWS_AS(scope.exit(nullptr), RuntimeError);
        scope.cancel();
        CHECK_FALSE(scope.cancel_called());
        std::string in_callback;
        get_running_loop().call_soon([&] {
            CancelScope plain;
            in_callback = thrown_by([&] { plain.enter(); });
        });
        co_await rounds(2);
        CHECK(in_callback.find("needs a task") != std::string::npos);
    });
}

TEST_CASE("cancel scope: a loop that closes leaves nothing of scopes, shields and their tasks behind") {
    TestLoop test;
    CancelScope outside;
    int alive = 0;
    const auto child = [](Tracer) -> Coro<> { return forever(); };
    const auto body = [&](CancelScope&) -> Coro<> {
        const auto in_group = [&](TaskGroup& group) -> Coro<> {
            group.create_task(child(Tracer(alive)));
            const auto shielded = [](CancelScope&) -> Coro<> { return forever(); };
            co_await with_cancel_scope(ScopeOptions().shield().timeout(1h), shielded);
        };
        co_await with_task_group(in_group);
    };
    const Task<bool> task = test.loop.create_task(with_cancel_scope(outside, body));
    test.loop.run_until_complete(rounds(3));
    test.loop.close();
    CHECK(task.cancelled());
    CHECK(alive == 0);
    outside.cancel();
}

TEST_CASE("deep await: a hundred thousand cancel scopes in each other, and as many tasks in one") {
    testing::run([]() -> Coro<> {
        constexpr int deep = 100'000;
        CancelScope outermost;
        const auto nest = [](auto& self, int depth) -> Coro<int> {
            if (depth == 0) {
                co_await forever();
                co_return 0;
            }
            CancelScope scope;
            scope.enter();
            std::exception_ptr error;
            int below = 0;
            try {
                below = co_await self(self, depth - 1);
            } catch (...) {
                error = std::current_exception();
            }
            scope.exit(error);
            co_return below + 1;
        };
        get_running_loop().call_later(1s, [&] { outermost.cancel(); });
        const std::optional<int> depth = co_await with_cancel_scope(
            outermost, [&](CancelScope&) -> Coro<int> { return nest(nest, deep); });
        CHECK_FALSE(depth.has_value());

        int ended = 0;
        const auto wait = [&]() -> Coro<> { ended += co_await outcome(forever()) == "value" ? 0 : 1; };
        const auto many = [&](CancelScope& scope) -> Coro<> {
            get_running_loop().call_later(1s, [&scope] { scope.cancel(); });
            const auto in_group = [&](TaskGroup& group) -> Coro<> {
                for (int i = 0; i < deep; ++i) group.create_task(wait());
                co_return;
            };
            co_await with_task_group(in_group);
        };
        CHECK_FALSE(co_await with_cancel_scope(many));
        CHECK(ended == deep);
    });
}

TEST_CASE("conformance: cancel scopes") {
    const auto in_scope = [](Gate& gate) {
        return with_cancel_scope([&gate](CancelScope&) -> Coro<int> { co_return co_await gate.future(); });
    };
    check_conformance("with_cancel_scope", std::optional<int>(7), in_scope);
    const auto in_time = [](Gate& gate) {
        return move_on_after(1h, [&gate](CancelScope&) -> Coro<int> { co_return co_await gate.future(); });
    };
    check_conformance("move_on_after", std::optional<int>(7), in_time);
}
