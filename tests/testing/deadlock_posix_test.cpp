// `DeadlockError`: a run call that can never end says so, instead of hanging.
//
// Not for Windows: how many threads the process has is not known there, any of them might still wake the
// loop, and so these run calls would wait for ever.

#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/executors/run_in_executor.hpp>
#include <aio/executors/thread_pool.hpp>
#include <aio/structure/task_group.hpp>
#include <aio/testing/memory_stream.hpp>
#include <aio/testing/run.hpp>
#include <aio/testing/virtual_clock.hpp>

#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

Coro<> wait_for_ever() { co_await get_running_loop().create_future<>(); }

Coro<> call_wait_for_ever() { co_await wait_for_ever(); }

template <class F>
std::string deadlock_of(F function) {
    try {
        function();
    } catch (const DeadlockError& error) {
        return error.what();
    }
    return "no deadlock";
}

} // namespace

TEST_CASE("deadlock: the error names each waiting task, what it waits for and where") {
    const auto main = []() -> Coro<> {
        Task<> other = create_task(call_wait_for_ever(), "other");
        co_await create_task(wait_for_ever(), "third");
        co_await other;
    };
    const std::string text = deadlock_of([&] { testing::run(main); });
    CHECK(contains(text, "deadlock"));
    CHECK(contains(text, "Task 'other' waits for Future"));
    CHECK(contains(text, "Task 'third' waits for Future"));
    CHECK(contains(text, "waits for Task 'third'"));
    CHECK(contains(text, "call_wait_for_ever"));
    CHECK(contains(text, "deadlock_posix_test.cpp:"));
}

TEST_CASE("deadlock: with a virtual clock it is found at once") {
    const auto before = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) CHECK_THROWS_AS(testing::run(wait_for_ever()), DeadlockError);
    CHECK(std::chrono::steady_clock::now() - before < 30s);
}

TEST_CASE("deadlock: a virtual clock that does not move by itself ends a run call") {
    testing::VirtualClock clock;
    EventLoop loop(clock);
    clock.set_autojump(false);
    CHECK_THROWS_AS(loop.run_until_complete(sleep(1ms)), DeadlockError);
    clock.set_autojump(true);
    loop.run_until_complete(sleep(1ms));
}

TEST_CASE("deadlock: a future that nobody can complete, and no task at all") {
    // On real time, here and in the next: a loop that is quiet looks after a while.
    EventLoop loop;
    const Future<> future = loop.create_future<>();
    const std::string text = deadlock_of([&] { loop.run_until_complete(future); });
    CHECK(contains(text, "there is no task"));
    // The loop can be used further.
    loop.run_until_complete(sleep(1ms));
}

TEST_CASE("deadlock: threads of pools that have nothing to do are not waited for") {
    ThreadPoolExecutor pool(2);
    EventLoop loop;
    const auto main = [&]() -> Coro<> {
        const int a = co_await to_thread([] { return 1; });
        const int b = co_await loop.run_in_executor(pool, [] { return 2; });
        CHECK(a + b == 3);
        co_await wait_for_ever();
    };
    CHECK_THROWS_AS(loop.run_until_complete(main()), DeadlockError);
}

TEST_CASE("deadlock: a task that refuses to end does not keep run from returning") {
    const auto stubborn = []() -> Coro<> {
        static_cast<void>(co_await outcome(sleep(1h)));
        co_await wait_for_ever();
    };
    const auto main = [&]() -> Coro<> {
        static_cast<void>(create_task(stubborn(), "stubborn"));
        co_await sleep(0s);
    };
    const std::string text = deadlock_of([&] { testing::run(main); });
    CHECK(contains(text, "Task 'stubborn' waits for Future"));
}

TEST_CASE("deadlock: a reader of a memory stream whom nobody can wake") {
    const auto main = []() -> Coro<> {
        auto [a, b] = testing::MemoryStream::pair();
        std::byte memory[1];
        static_cast<void>(co_await b.read_some(memory));
        static_cast<void>(a);
    };
    const std::string text = deadlock_of([&] { testing::run(main); });
    CHECK(contains(text, "reading from a stream"));
}
