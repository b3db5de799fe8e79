#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait.hpp>
#include <aio/structure/wait_for.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<int> give(int value, int after) {
    co_await rounds(after);
    co_return value;
}
Coro<int> fail(std::string what, int after) {
    co_await rounds(after);
    throw std::runtime_error(what);
}
Coro<int> forever() {
    co_await sleep(1h);
    co_return 0;
}

} // namespace

TEST_CASE(
    "rule 51: wait gives what is done and what is not, in the order given, and throws no child's error") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Task<int>> tasks;
        tasks.push_back(loop.create_task(give(1, 4)));
        tasks.push_back(loop.create_task(fail("two", 2)));
        tasks.push_back(loop.create_task(forever()));
        tasks.push_back(loop.create_task(give(4, 0)));
        tasks[2].cancel();
        auto [done, pending] = co_await wait(tasks);
        static_assert(std::is_same_v<decltype(done), std::vector<Task<int>>>);
        CHECK(done == tasks);
        CHECK(pending.empty());
        CHECK(done[0].result() == 1);
        CHECK(text_of(done[1].exception()) == "two");
        CHECK(done[2].cancelled());
    });
}

TEST_CASE("rule 51: nothing to wait for is an error; a handle given twice counts once") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        CHECK_THROWS_AS(static_cast<void>(wait(std::vector<Task<int>>())), ValueError);
        CHECK_THROWS_AS(static_cast<void>(wait(std::vector<Task<int>>(1))), InvalidStateError);
        Task<int> task = loop.create_task(give(1, 1));
        Task<int> other = loop.create_task(give(2, 1));
        const auto [done, pending] = co_await wait(task, other, task, task);
        CHECK(done == std::vector<Task<int>>{task, other});
        CHECK(pending.empty());
        std::vector<Task<int>> many(100, other);
        many.insert(many.begin() + 50, task);
        const auto result = co_await wait(many);
        CHECK(result.done == std::vector<Task<int>>{other, task});
    });
}

TEST_CASE("rule 51: wait takes handles of one type, of several types, and untyped ones") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> number = loop.create_task(give(1, 1));
        Task<> nothing = loop.create_task(rounds(1));
        Future<int> future = loop.create_future<int>();
        const auto tasks = co_await wait(number, nothing, 1h);
        static_assert(std::is_same_v<decltype(tasks), const WaitResult<AnyTask>>);
        CHECK(tasks.done.at(0) == number);
        CHECK(tasks.done.at(1) == nothing);
        const auto mixed = co_await wait(future, number, ReturnWhen::first_completed);
        static_assert(std::is_same_v<decltype(mixed), const WaitResult<AnyFuture>>);
        CHECK(mixed.done.at(0) == number);
        CHECK(mixed.pending.at(0) == future);
        const auto futures = co_await wait(future, 0s);
        CHECK(futures.pending.at(0) == future);
        const std::vector<AnyFuture> any{future, number};
        const auto untyped = co_await wait(any, WaitOptions().return_when(ReturnWhen::first_completed));
        CHECK(untyped.done.at(0) == number);
    });
}

TEST_CASE("rule 51: when the time is up wait returns what is done, and cancels nothing") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> fast = loop.create_task(give(1, 1));
        Task<int> slow = loop.create_task(forever());
        co_await fast;
        const std::vector<Duration> limits{2ms, 0ms, -5ms};
        for (const Duration limit : limits) {
            const auto result = co_await wait(fast, slow, limit);
            CHECK(result.done == std::vector<Task<int>>{fast});
            CHECK(result.pending == std::vector<Task<int>>{slow});
            CHECK(slow.cancelling() == 0);
        }
        const auto all = co_await wait(fast, WaitOptions().timeout(1h).timeout(std::nullopt));
        CHECK(all.done.size() == 1);
    });
}

TEST_CASE("rule 51: cancelling the waiter leaves the children alone") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> child = loop.create_task(forever());
        Future<int> future = loop.create_future<int>();
        const auto wait_for_both = [&]() -> Coro<> { co_await wait(child, future); };
        Task<> waiter = loop.create_task(wait_for_both());
        co_await rounds(2);
        waiter.cancel("enough");
        CHECK(co_await outcome(waiter) == "cancelled: enough");
        CHECK_FALSE(child.done());
        CHECK(child.cancelling() == 0);
        CHECK_FALSE(future.done());
        future.set_result(1);
        co_await rounds(3);
    });
}

TEST_CASE("rule 51: a wait inside a timeout ends with the timeout, and its children go on") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> child = loop.create_task(forever());
        CHECK(co_await outcome(wait_for(wait(child), 1ms)) == "timeout");
        CHECK(child.cancelling() == 0);
        CHECK_FALSE(child.done());
    });
}

TEST_CASE("rule 52: first_completed is content with any end, also a cancelled one") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> slow = loop.create_task(forever());
        Task<int> cancelled = loop.create_task(forever());
        co_await rounds(1);
        cancelled.cancel();
        const auto result = co_await wait(slow, cancelled, ReturnWhen::first_completed);
        CHECK(result.done == std::vector<Task<int>>{cancelled});
        CHECK(result.pending == std::vector<Task<int>>{slow});
    });
}

TEST_CASE("rule 52: first_exception looks past results and cancellations") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Task<int> value = loop.create_task(give(1, 0));
        Task<int> cancelled = loop.create_task(forever());
        Task<int> failing = loop.create_task(fail("bad", 5));
        Task<int> slow = loop.create_task(forever());
        cancelled.cancel();
        const auto result = co_await wait(value, cancelled, failing, slow, ReturnWhen::first_exception);
        CHECK(result.done == std::vector<Task<int>>{value, cancelled, failing});
        CHECK(result.pending == std::vector<Task<int>>{slow});
        CHECK(text_of(failing.exception()) == "bad");
        SUBCASE("and without an exception it waits for all") {
            Task<int> last = loop.create_task(give(2, 3));
            const auto all = co_await wait(value, cancelled, last, ReturnWhen::first_exception);
            CHECK(all.pending.empty());
        }
    });
}

TEST_CASE("rule 52: several that end in the same round are all in the result") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Future<int>> futures;
        for (int i = 0; i < 4; ++i) futures.push_back(loop.create_future<int>());
        loop.call_soon([&] { futures[2].set_result(1); });
        loop.call_soon([&] { futures[0].set_result(1); });
        const auto result = co_await wait(futures, ReturnWhen::first_completed);
        CHECK(result.done == std::vector<Future<int>>{futures[0], futures[2]});
        CHECK(result.pending == std::vector<Future<int>>{futures[1], futures[3]});
    });
}

TEST_CASE("rule 52: after wait nothing of it is left with the futures that are pending") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Future<int> pending = loop.create_future<int>();
        Future<int> done = loop.create_future<int>();
        done.set_result(1);
        const auto callbacks = [&] {
            int count = 0;
            pending.state().for_each_callback([&](detail::FutureCallback&) { ++count; });
            return count;
        };
        for (int i = 0; i < 3; ++i) co_await wait(pending, done, ReturnWhen::first_completed);
        co_await wait(pending, 0s);
        CHECK(callbacks() == 0);
    });
}

TEST_CASE("rule 3: wait goes on 2 rounds after its condition is met, also if it is met from the start") {
    TestLoop test;
    EventLoop& loop = test.loop;
    const RoundCounter counter(loop);
    int resumed = 0;
    int completed = 0;
    Future<int> future = loop.create_future<int>();
    Future<int> never = loop.create_future<int>();
    ReturnWhen condition = ReturnWhen::first_completed;
    const auto waits = [&](ReturnWhen when) -> Coro<> {
        co_await wait(future, never, when);
        resumed = counter.now();
    };
    const auto fail_later = [&]() -> Coro<> {
        co_await rounds(4);
        future.set_exception(std::runtime_error("x"));
        completed = counter.now();
    };
    Task<> failing;
    SUBCASE("later") { failing = loop.create_task(fail_later()); }
    SUBCASE("from the start") {
        future.set_exception(std::runtime_error("x"));
        loop.call_soon([&] { completed = counter.now(); });
    }
    SUBCASE("a failure, for those who look for exceptions") {
        failing = loop.create_task(fail_later());
        condition = ReturnWhen::first_exception;
    }
    loop.run_until_complete(waits(condition));
    CHECK(resumed - completed == 2);
    CHECK(text_of(future.exception()) == "x");
}

TEST_CASE("wait asks for no exception: one that nobody reads is reported as ever") {
    TestLoop test;
    const auto main = [&]() -> Coro<> {
        co_await wait(test.loop.create_task(fail("unread", 1)), ReturnWhen::first_exception);
    };
    test.loop.run_until_complete(main());
    REQUIRE(test.reports.size() == 1);
    CHECK(test.reports[0].find("unread") != std::string::npos);
}

TEST_CASE("wait refuses futures of another loop, and its own task") {
    TestLoop test;
    EventLoop other;
    Future<int> foreign = other.create_future<int>();
    const auto main = [&]() -> Coro<> {
        CHECK((co_await outcome(wait(foreign))).find("different loop") != std::string::npos);
        CHECK((co_await outcome(wait(current_task()))).find("await on itself") != std::string::npos);
        CHECK(co_await outcome(sleep(0s)) == "value");
    };
    test.loop.run_until_complete(main());
}

TEST_CASE("wait says what it waits for") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Future<int> a = loop.create_future<int>();
        Future<int> b = loop.create_future<int>();
        const auto described = [&](WaitOptions options) -> Coro<std::string> {
            const auto waits = [](Future<int> one, Future<int> two, WaitOptions how) -> Coro<> {
                co_await wait(one, two, how);
            };
            Task<> task = loop.create_task(waits(a, b, options));
            co_await rounds(1);
            std::string text = task.task().waiting_on()->description();
            task.cancel();
            co_await rounds(1);
            co_return text;
        };
        CHECK(co_await described(WaitOptions()) == "wait for all of 2");
        CHECK(co_await described(ReturnWhen::first_completed) == "wait for the first of 2");
        CHECK(co_await described(ReturnWhen::first_exception) == "wait for the first exception of 2");
    });
}

TEST_CASE("a loop may close while a wait hangs in futures that destructors set") {
    int alive = 0;
    Future<int> kept;
    {
        TestLoop test;
        class SetsOnExit {
        public:
            explicit SetsOnExit(Future<int> future) : future_(std::move(future)) {}
            SetsOnExit(const SetsOnExit&) = delete;
            ~SetsOnExit() { future_.set_result(1); }

        private:
            Future<int> future_;
        };
        kept = test.loop.create_future<int>();
        const auto sets = [&]() -> Coro<> {
            const SetsOnExit set(kept);
            co_await sleep(1h);
        };
        const auto waits = [&]() -> Coro<> {
            const Tracer tracer(alive);
            co_await wait(kept, 1h);
        };
        const Task<> setter = test.loop.create_task(sets());
        const Task<> waiter = test.loop.create_task(waits());
        test.loop.run_until_complete(rounds(3));
        CHECK(alive == 1);
    }
    CHECK(alive == 0);
    CHECK(kept.done());
}

TEST_CASE("wait for 100000 futures, some given twice, takes time in proportion") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        std::vector<Future<int>> futures;
        for (int i = 0; i < 100000; ++i) futures.push_back(loop.create_future<int>());
        const std::vector<Future<int>> half(futures.begin(), futures.begin() + 50000);
        futures.insert(futures.end(), half.begin(), half.end());
        loop.call_soon([&] { futures[70000].set_result(1); });
        auto result = co_await wait(futures, ReturnWhen::first_completed);
        CHECK(result.done.size() == 1);
        CHECK(result.pending.size() == 99999);
        loop.call_soon([&] {
            for (Future<int>& future : result.pending) future.set_result(2);
        });
        const auto all = co_await wait(futures);
        CHECK(all.done.size() == 100000);
        CHECK(all.pending.empty());
    });
}
