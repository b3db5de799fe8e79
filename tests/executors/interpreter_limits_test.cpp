#include <aio/executors/interpreter_pool.hpp>

#include <doctest/doctest.h>

#if AIO_HAVE_LUA

#include <cstddef>
#include <string>
#include <thread>

#include <aio/core/sleep.hpp>
#include <aio/structure/run.hpp>

#include "interpreter_test_kit.hpp"
#include "patience.hpp"

namespace {

using namespace std::chrono_literals;
using namespace interpreter_test;
using aio::ExecutionFailed;
using aio::InterpreterPoolExecutor;
using aio::InterpreterPoolOptions;
using aio::lua;

constexpr const char* endless = "while true do end";

template <class Future>
void wait_until_running(const Future& future) {
    REQUIRE(patience::until([&] { return future.running(); }));
}

/// The message with which a call fails.
template <class Future>
std::string failure(const Future& future) {
    return caught<ExecutionFailed>([&] { future.result(patience::limit); }).message();
}

} // namespace

TEST_CASE("rule 119: cancelling a running script stops it, and nothing else of the pool") {
    InterpreterPoolExecutor interpreters(2);
    const Gate gate;
    const auto other = interpreters.submit(lua(Gate::pass), gate.path());
    for (const char* script :
         {endless, "while true do pcall(function() while true do end end) end",
          "coroutine.wrap(function() while true do end end)()",
          "while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end"}) {
        CAPTURE(script);
        const auto running = interpreters.submit(lua<void>(script));
        wait_until_running(running);
        CHECK_FALSE(running.cancel());
        CHECK(contains(failure(running), "stopped"));
    }
    gate.open();
    CHECK(other.result() == "passed");
    CHECK(interpreters.submit(lua<int>("return 3")).result() == 3);
}

TEST_CASE("rule 119: cancelling a task stops the script that it awaits") {
    InterpreterPoolExecutor interpreters(1);
    aio::run([&]() -> aio::Coro<> {
        const auto script = lua<void>(endless);
        const auto body = [&]() -> aio::Coro<> {
            co_await aio::get_running_loop().run_in_executor(interpreters, script);
        };
        auto task = aio::create_task(body());
        co_await aio::sleep(0s);
        task.cancel();
        bool cancelled = false;
        try {
            co_await task;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        // Its thread is free again.
        const int value =
            co_await aio::get_running_loop().run_in_executor(interpreters, lua<int>("return 4"));
        CHECK(value == 4);
    });
}

TEST_CASE("rule 119: the interpreter of a script that was stopped is replaced, and prepared anew") {
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().source("fresh = true"));
    CHECK(interpreters.submit(lua<bool>("fresh = false return fresh")).result() == false);
    const auto running = interpreters.submit(lua<void>(endless));
    wait_until_running(running);
    running.cancel();
    CHECK(contains(failure(running), "stopped"));
    CHECK(interpreters.submit(lua<bool>("return fresh")).result());
    CHECK(interpreters.statistics().replaced == 1);
}

TEST_CASE("rule 119: a call that takes more steps than it may fails, and shorter ones do not") {
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().instruction_limit(100'000));
    const char* const count = "local n = ... for i = 1, n do end return n";
    CHECK(interpreters.submit(lua<int>(count), 10'000).result() == 10'000);
    CHECK(contains(failure(interpreters.submit(lua<int>(count), 1'000'000)), "limit of instructions"));
    // Of a call of its own.
    CHECK(interpreters.submit(lua<int>(count).instruction_limit(10'000'000), 1'000'000).result() ==
          1'000'000);
    CHECK(contains(failure(interpreters.submit(lua<int>(count).instruction_limit(100), 10'000)), "limit"));
    // Each call has all its steps.
    for (int i = 0; i < 20; ++i) CHECK(interpreters.submit(lua<int>(count), 10'000).result() == 10'000);
}

TEST_CASE(
    "rule 119: a script cannot get round its limit of steps, neither by catching errors nor by coroutines") {
    for (const char* script :
         {"while true do pcall(function() while true do end end) end",
          "while true do coroutine.wrap(function() for i = 1, 100 do end end)() end",
          "while true do coroutine.resume(coroutine.create(function() for i = 1, 100 do end end)) end",
          "coroutine.wrap(function() while true do end end)()",
          "coroutine.resume(coroutine.create(function() while true do end end)) return 'done'",
          "kept = kept or coroutine.wrap(function() while true do coroutine.yield() end end) "
          "while true do kept() end"}) {
        CAPTURE(script);
        InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().instruction_limit(50'000));
        CHECK(contains(failure(interpreters.submit(lua(script))), "limit of instructions"));
        CHECK(interpreters.submit(lua<int>("return 1")).result() == 1);
    }
}

TEST_CASE(
    "rule 119: a call that needs more memory than it may fails, and the next one gets a new interpreter") {
    constexpr std::size_t limit = std::size_t{1} << 20U;
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().memory_limit(limit));
    const char* const hoard = "kept = {} for i = 1, ... do kept[i] = 'text ' .. i end return #kept";
    CHECK(interpreters.submit(lua<int>(hoard), 100).result() == 100);
    CHECK(contains(failure(interpreters.submit(lua<int>(hoard), 10'000'000)), "limit of memory"));
    CHECK(interpreters.submit(lua("return kept")).result().is_nil());
    CHECK(contains(failure(interpreters.submit(lua<std::string>("return ('x'):rep(1 << 24)"))),
                   "limit of memory"));
    // Garbage does not count.
    CHECK(interpreters
              .submit(lua<int>("local n = 0 for i = 1, 1000 do n = n + #('x'):rep(10000 + i) end return n"))
              .result() > 10'000'000);
    CHECK(interpreters.submit(lua<int>("return #('x'):rep(1 << 22)").memory_limit(std::size_t{1} << 26U))
              .result() == 1 << 22);
    // A limit of one call, in a pool that has none; arguments count too.
    InterpreterPoolExecutor unlimited(1);
    CHECK(contains(
        failure(unlimited.submit(lua<int>("return #...").memory_limit(200'000), std::string(1'000'000, 'x'))),
        "limit of memory"));
    CHECK(unlimited.submit(lua<int>("return #..."), std::string(1'000'000, 'x')).result() == 1'000'000);
}

TEST_CASE("rule 109: an initial source that needs more memory than it may breaks the pool") {
    InterpreterPoolExecutor interpreters(
        InterpreterPoolOptions().max_workers(1).memory_limit(1'000'000).source("big = ('x'):rep(1 << 24)"));
    const auto use = [&] { interpreters.submit(lua<void>("return")).result(); };
    CHECK(contains(caught<aio::BrokenInterpreterPool>(use).what(), "limit of memory"));
}

TEST_CASE("rule 119: the limit of instructions does not hold for the preparation") {
    InterpreterPoolExecutor interpreters(
        InterpreterPoolOptions().max_workers(1).instruction_limit(10'000).source(
            "sum = 0 for i = 1, 200000 do sum = sum + 1 end"));
    CHECK(interpreters.submit(lua<int>("return sum")).result() == 200'000);
}

TEST_CASE(
    "rule 115: an interpreter is closed after max_tasks_per_worker calls, and the next call gets a new one") {
    const TemporaryPath closed;
    InterpreterPoolExecutor interpreters(
        InterpreterPoolOptions()
            .max_workers(1)
            .max_tasks_per_worker(3)
            .global("path", closed.path())
            .source("count = 0 keep = setmetatable({}, {__gc = function() io.open(path, 'w'):close() end})"));
    std::string counts;
    for (int i = 0; i < 7; ++i)
        counts += std::to_string(interpreters.submit(lua<int>("count = count + 1 return count")).result());
    CHECK(counts == "1231231");
    CHECK(interpreters.statistics().replaced == 2);
    CHECK(std::filesystem::exists(closed.path()));
    CHECK_THROWS_AS(InterpreterPoolOptions().max_tasks_per_worker(0), aio::ValueError);
}

TEST_CASE("rule 115: what is queued goes on when interpreters are replaced, also after shutdown") {
    InterpreterPoolExecutor interpreters(InterpreterPoolOptions().max_workers(2).max_tasks_per_worker(1));
    std::vector<aio::ConcurrentFuture<int>> futures;
    for (int i = 0; i < 50; ++i) futures.push_back(interpreters.submit(lua<int>("return ..."), i));
    interpreters.shutdown(false);
    for (int i = 0; i < 50; ++i) CHECK(futures[static_cast<std::size_t>(i)].result(patience::limit) == i);
}

TEST_CASE("rule 119: initializer calls a function of the interpreter with copies of its arguments") {
    InterpreterPoolExecutor interpreters(
        InterpreterPoolOptions()
            .max_workers(1)
            .source("function connect(host, port) address = host .. ':' .. port end")
            .initializer(lua("connect"), "db", 5432)
            .initializer(lua<void>("address = address .. ..."), "/x"));
    CHECK(interpreters.submit(lua<std::string>("return address")).result() == "db:5432/x");

    InterpreterPoolExecutor broken(InterpreterPoolOptions().max_workers(1).initializer(lua("no_such"), 1));
    const auto use = [&] { broken.submit(lua<void>("return")).result(); };
    CHECK(contains(caught<aio::BrokenInterpreterPool>(use).what(), "no_such"));
}

TEST_CASE(
    "an interpreter pool's statistics name the script that runs, and a shutdown with a time limit too") {
    InterpreterPoolExecutor interpreters(InterpreterPoolOptions().max_workers(1).thread_name_prefix("lua"));
    const Gate gate;
    const auto busy = interpreters.submit(lua(Gate::pass), gate.path());
    wait_until_running(busy);
    const auto running = interpreters.statistics().running;
    REQUIRE(running.size() == 1);
    CHECK(running.front().name.starts_with("Lua chunk 'local path, f = ..."));
    CHECK(running.front().thread == "lua_0");
    const auto named = interpreters.submit(aio::ThreadCallOptions().name("second"), lua<int>("return 1"));
    CHECK(contains(caught<aio::ShutdownTimeout>([&] { interpreters.shutdown(0s); }).what(), "Lua chunk"));
    gate.open();
    CHECK(named.result(patience::limit) == 1);
    CHECK(interpreters.statistics().completed == 2);
    interpreters.shutdown();
}

TEST_CASE("rule 119: terminate_workers ends a pool whose initial source never ends") {
    InterpreterPoolExecutor interpreters(InterpreterPoolOptions().max_workers(1).source("while true do end"));
    const auto waiting = interpreters.submit(lua<void>("return"));
    interpreters.terminate_workers();
    interpreters.shutdown(true);
    CHECK(waiting.cancelled());
}

#endif
