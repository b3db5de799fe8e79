// A run call that can still end is left alone, however quiet its loop is.
//
// The threads here sleep in order to be late: later than a loop that is quiet looks whether it is dead, which
// is a matter of real time.

#include <chrono>
#include <optional>
#include <thread>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/executors/thread_pool.hpp>

using namespace aio;
using namespace std::chrono_literals;

TEST_CASE("deadlock: a call in a pool that will complete a future in its own way is waited for") {
    ThreadPoolExecutor pool(1);
    EventLoop loop;
    const auto main = [&]() -> Coro<int> {
        Future<int> answer = loop.create_future<int>();
        const auto reply = [&loop, &answer] {
            std::this_thread::sleep_for(80ms);
            loop.call_soon_threadsafe([&answer] { answer.set_result(42); });
        };
        // A plain submission: the loop knows nothing of it.
        const ConcurrentFuture<> call = pool.submit(reply);
        const int n = co_await answer;
        call.result(60s);
        co_return n;
    };
    CHECK(loop.run_until_complete(main()) == 42);
}

TEST_CASE("deadlock: another thread may still call, so it is waited for") {
    EventLoop loop;
    std::optional<std::thread> caller;
    const auto main = [&]() -> Coro<int> {
        Future<int> answer = loop.create_future<int>();
        caller.emplace([&loop, &answer] {
            std::this_thread::sleep_for(80ms);
            loop.call_soon_threadsafe([&answer] { answer.set_result(42); });
        });
        co_return co_await answer;
    };
    CHECK(loop.run_until_complete(main()) == 42);
    caller->join();
}
