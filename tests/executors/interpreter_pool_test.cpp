#include <aio/executors/interpreter_pool.hpp>

#include <doctest/doctest.h>

#if AIO_HAVE_LUA

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "interpreter_test_kit.hpp"

namespace {

using namespace std::chrono_literals;
using namespace interpreter_test;
using aio::ConversionError;
using aio::Coro;
using aio::EventLoop;
using aio::ExecutionFailed;
using aio::get_running_loop;
using aio::InterpreterPoolExecutor;
using aio::InterpreterPoolOptions;
using aio::lua;

struct Point {
    int x = 0;
    double y = 0;
    bool operator==(const Point&) const = default;
};

template <class F>
std::string conversion_message(F function) {
    return caught<ConversionError>(function).what();
}

} // namespace

TEST_CASE("interpreters share nothing") {
    InterpreterPoolExecutor interpreters(2);
    // Each of the two waits for the other, so they run in two interpreters.
    const Gate first;
    const Gate second;
    const std::string meet = "local mine, other, value, f = ... seen = seen or {} seen[#seen + 1] = value "
                             "io.open(mine, 'w'):close() "
                             "repeat f = io.open(other) until f f:close() return seen";
    const auto a = interpreters.submit(lua<std::vector<int>>(meet), first.path(), second.path(), 1);
    const auto b = interpreters.submit(lua<std::vector<int>>(meet), second.path(), first.path(), 2);
    CHECK(a.result() == std::vector<int>{1});
    CHECK(b.result() == std::vector<int>{2});
}

TEST_CASE("globals stay in their interpreter from one call to the next") {
    InterpreterPoolExecutor interpreters(1);
    for (int i = 1; i <= 3; ++i)
        CHECK(interpreters.submit(lua("count = (count or 0) + 1 return count")).result() == i);
    InterpreterPoolExecutor other(1);
    CHECK(other.submit(lua("return count")).result().is_nil());
}

TEST_CASE("each interpreter begins with the globals and sources of the options, in their order") {
    const TemporaryPath file(
        "#!/usr/bin/lua\nfunction limit() return limits.size + extra end\nreturn ignored()");
    InterpreterPoolExecutor interpreters(
        3, InterpreterPoolOptions()
               .global("limits", std::map<std::string, int>{{"size", 40}})
               .global("extra", 2)
               .source("setmetatable(_G, {__newindex = function() error('strict') end})")
               .source("rawset(_G, 'ignored', function() end)")
               .global("after", Point{1, 2.5})
               .thread_name_prefix("lua"));
    CHECK(interpreters.submit(lua("return limits.size + extra + after[1]")).result() == 43);

    InterpreterPoolExecutor from_file(2, InterpreterPoolOptions()
                                             .global("limits", std::map<std::string, int>{{"size", 40}})
                                             .global("extra", 2)
                                             .global("ignored", false)
                                             .source("function ignored() end")
                                             .source_file(file.path()));
    CHECK(from_file.submit(lua("limit")).result() == 42);
    CHECK(conversion_message([] {
              InterpreterPoolOptions().global("big", std::uint64_t{1} << 63U);
          }).starts_with("global 'big': "));
}

TEST_CASE("an error in a source file names the file and the line, and a file that cannot be read is an error "
          "at once") {
    const TemporaryPath file("\xEF\xBB\xBF-- a comment\nfunction f() error('here') end");
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().source_file(file.path()));
    CHECK(contains(caught<ExecutionFailed>([&] { interpreters.submit(lua("f")).result(); }).message(),
                   file.path().filename().string() + ":2: here"));
    CHECK_THROWS_AS(InterpreterPoolOptions().source_file("/no/such/file.lua"), std::system_error);
    CHECK_THROWS_AS(InterpreterPoolOptions().source_file(std::filesystem::temp_directory_path()),
                    std::system_error);
}

TEST_CASE("rule 109: an initial source that fails breaks the pool, and the error carries Lua's message") {
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().source("local x = nil; x.y = 1"));
    std::string message;
    try {
        const auto future = interpreters.submit(lua("return 1"));
        message = caught<aio::BrokenInterpreterPool>([&] { future.result(); }).what();
    } catch (const aio::BrokenInterpreterPool& error) {
        message = error.what();
    }
    CHECK(contains(message, "attempt to index a nil value (local 'x')"));
    CHECK_THROWS_AS(interpreters.submit(lua("return 1")), aio::BrokenInterpreterPool);
    CHECK_THROWS_AS(interpreters.submit(lua("return 1")), aio::BrokenExecutor);

    InterpreterPoolExecutor with_syntax_error(1, InterpreterPoolOptions().source("function ("));
    const auto fails = [&] { with_syntax_error.submit(lua("return 1")).result(); };
    CHECK_THROWS_AS(fails(), aio::BrokenInterpreterPool);
}

TEST_CASE("many concurrent calls each get their own result") {
    InterpreterPoolExecutor interpreters(4, InterpreterPoolOptions().source(functions));
    std::vector<aio::ConcurrentFuture<std::string>> futures;
    for (int i = 0; i < 2000; ++i)
        futures.push_back(interpreters.submit(lua<std::string>("local i = ... return 'n' .. i"), i));
    for (int i = 0; i < 2000; ++i)
        CHECK(futures[static_cast<std::size_t>(i)].result() == "n" + std::to_string(i));

    EventLoop loop;
    auto one = [](InterpreterPoolExecutor& pool, int n) -> Coro<std::int64_t> {
        std::int64_t sum =
            co_await get_running_loop().run_in_executor(pool, lua<std::int64_t>("cpu_bound"), n);
        co_return sum;
    };
    auto main = [&](InterpreterPoolExecutor& pool) -> Coro<std::int64_t> {
        std::vector<aio::Task<std::int64_t>> tasks;
        for (int i = 0; i < 200; ++i) tasks.push_back(get_running_loop().create_task(one(pool, i)));
        std::int64_t total = 0;
        for (auto& task : tasks) {
            const std::int64_t sum = co_await task;
            total += sum;
        }
        co_return total;
    };
    std::int64_t expected = 0;
    for (std::int64_t i = 0, sum = 0; i < 200; ++i) expected += (sum += i * i);
    CHECK(loop.run_until_complete(main(interpreters)) == expected);
}

TEST_CASE("submit may be called from many threads") {
    InterpreterPoolExecutor interpreters(2);
    std::atomic<int> right{0};
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&interpreters, &right, t] {
            for (int i = 0; i < 100; ++i)
                if (interpreters.submit(lua<int>("local a, b = ... return a * 1000 + b"), t, i).result() ==
                    t * 1000 + i)
                    ++right;
        });
    threads.clear();
    CHECK(right == 400);
}

TEST_CASE("rule 100: a call that is cancelled before it starts never runs") {
    InterpreterPoolExecutor interpreters(1);
    const Gate gate;
    const auto busy = interpreters.submit(lua(Gate::pass), gate.path());
    const auto cancelled = interpreters.submit(lua<void>("ran = true"));
    CHECK(cancelled.cancel());
    EventLoop loop;
    auto main = [](InterpreterPoolExecutor& pool) -> Coro<> {
        auto future = get_running_loop().run_in_executor(pool, lua<void>("ran = true"));
        CHECK(future.cancel());
        co_await aio::sleep(0ms);
        CHECK(future.cancelled());
    };
    loop.run_until_complete(main(interpreters));
    gate.open();
    CHECK(busy.result() == "passed");
    CHECK(interpreters.submit(lua("return ran")).result().is_nil());
    CHECK_THROWS_AS(cancelled.result(), aio::CancelledError);
}

TEST_CASE("rule 107: shutdown refuses new calls and waits for those that were queued") {
    InterpreterPoolExecutor interpreters(1);
    const Gate gate;
    const auto busy = interpreters.submit(lua(Gate::pass), gate.path());
    const auto queued = interpreters.submit(lua("return 'ran'"));
    interpreters.shutdown(false);
    CHECK_THROWS_AS(interpreters.submit(lua("return 1")), aio::RuntimeError);
    CHECK_FALSE(queued.done());
    gate.open();
    interpreters.shutdown(true);
    CHECK(busy.done());
    CHECK(queued.result() == "ran");
}

TEST_CASE("rule 107: shutdown with cancel_futures cancels what has not started") {
    InterpreterPoolExecutor interpreters(1);
    const Gate gate;
    const auto busy = interpreters.submit(lua(Gate::pass), gate.path());
    while (!busy.running()) std::this_thread::yield();
    const auto queued = interpreters.submit(lua("return 'ran'"));
    interpreters.shutdown(false, true);
    CHECK(queued.cancelled());
    gate.open();
    CHECK(busy.result() == "passed");
}

TEST_CASE("an interpreter is closed when its thread ends") {
    const TemporaryPath closed;
    {
        InterpreterPoolExecutor interpreters(1);
        interpreters
            .submit(lua<void>("local path = ... keep = setmetatable({}, {__gc = function() "
                              "local f = io.open(path, 'w') f:write('closed') f:close() end})"),
                    closed.path())
            .result();
    }
    std::ifstream file(closed.path());
    std::string text;
    file >> text;
    CHECK(text == "closed");
}

TEST_CASE("scripts have Lua's libraries, but for require and debug") {
    InterpreterPoolExecutor interpreters(1);
    CHECK(interpreters
              .submit(lua("return {type(string), type(table), type(math), type(utf8), type(coroutine), "
                          "type(io), type(os)}"))
              .result()
              .as<std::set<std::string>>() == std::set<std::string>{"table"});
    CHECK(interpreters.submit(lua("return {type(require), type(package), type(debug.sethook)}"))
              .result()
              .as<std::set<std::string>>() == std::set<std::string>{"nil"});
    CHECK(contains(
        interpreters.submit(lua<std::string>("return select(2, xpcall(error, debug.traceback, 'x'))"))
            .result(),
        "traceback"));
}

TEST_CASE("a pool needs at least one worker, and says how many it has") {
    CHECK_THROWS_AS(InterpreterPoolExecutor(0), aio::ValueError);
    CHECK(InterpreterPoolExecutor(3).max_workers() == 3);
    CHECK(InterpreterPoolExecutor().max_workers() == InterpreterPoolExecutor::default_max_workers());
}

TEST_CASE("terminate_workers stops a script that never ends, also one that catches every error") {
    for (const char* endless :
         {"while true do end", "while true do pcall(function() while true do end end) end",
          "coroutine.wrap(function() while true do end end)()"}) {
        aio::InterpreterPoolExecutor interpreters(1);
        const auto running = interpreters.submit(aio::lua<void>(endless));
        const auto queued = interpreters.submit(aio::lua<void>("return"));
        while (!running.running()) std::this_thread::yield();
        interpreters.terminate_workers();
        CHECK_THROWS_AS(running.result(), aio::ExecutionFailed);
        CHECK(queued.cancelled());
        CHECK_THROWS_AS(interpreters.submit(aio::lua<void>("return")), aio::RuntimeError);
    }
}

#endif
