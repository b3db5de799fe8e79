#include <aio/executors/interpreter_pool.hpp>

#include <doctest/doctest.h>

#if AIO_HAVE_LUA

#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/core/event_loop.hpp>

#include "interpreter_test_kit.hpp"
#include "support/sanitizer.hpp"

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
using aio::lua_function;
using aio::lua_source;
using aio::Value;

struct Point {
    int x = 0;
    double y = 0;
    bool operator==(const Point&) const = default;
};

enum class Colour : std::uint8_t { red, green, blue };

template <class F>
std::string conversion_message(F function) {
    return caught<ConversionError>(function).what();
}

Value call_dynamic_result(InterpreterPoolExecutor& interpreters, int n) {
    EventLoop loop;
    auto main = [](InterpreterPoolExecutor& pool, int count) -> Coro<Value> {
        Value v = co_await get_running_loop().run_in_executor(pool, lua("cpu_bound"), count);
        co_return v;
    };
    return loop.run_until_complete(main(interpreters, n));
}

} // namespace

TEST_CASE("rule 119: a Lua function is called by name from a coroutine, and its result has the type that was "
          "asked for") {
    InterpreterPoolExecutor interpreters(2, InterpreterPoolOptions().source(functions));
    CHECK(call_dynamic_result(interpreters, 10) == 385);

    EventLoop loop;
    auto main = [](InterpreterPoolExecutor& pool) -> Coro<> {
        EventLoop& running = get_running_loop();
        const int n = 10;
        double d = co_await running.run_in_executor(pool, lua<double>("cpu_bound"), n);
        CHECK(d == 385.0);
        bool keep = co_await running.run_in_executor(pool, lua<bool>("filters.keep"), "a.txt", 11);
        CHECK(keep);
        keep = co_await running.run_in_executor(pool, lua<bool>("filters.keep"), std::string(".git"), 11);
        CHECK_FALSE(keep);
        co_await running.run_in_executor(pool, lua<void>("cpu_bound"), n);
    };
    loop.run_until_complete(main(interpreters));
}

TEST_CASE("a string that is no name is source, called with the arguments as ...") {
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().source(functions));
    CHECK(interpreters.submit(lua("local a, b = ... return a + b"), 1, 2).result() == 3);
    CHECK(interpreters.submit(lua<int>("return cpu_bound(...)"), 3).result() == 14);
    CHECK(interpreters.submit(lua<double>("math.floor"), 2.5).result() == 2.0);
    CHECK(interpreters.submit(lua("return select('#', ...)"), nullptr, nullptr).result() == 2);
    CHECK(interpreters.submit(lua("return")).result().is_nil());
    CHECK(interpreters.submit(lua("")).result().is_nil());
    // What looks like a name, and is source all the same, and the other way round.
    CHECK_THROWS_AS(interpreters.submit(lua_source("cpu_bound")).result(), ExecutionFailed);
    CHECK(interpreters.submit(lua_function("cpu_bound"), 2).result() == 5);
    CHECK_THROWS_AS(static_cast<void>(lua_function("return 1")), aio::ValueError);
    CHECK_THROWS_AS(static_cast<void>(lua_function("a..b")), aio::ValueError);
    CHECK_THROWS_AS(static_cast<void>(lua_function("")), aio::ValueError);
    CHECK_THROWS_AS(static_cast<void>(lua_function("end")), aio::ValueError);
}

TEST_CASE("a function is looked up when it is called, through metatables, and may be any callable value") {
    InterpreterPoolExecutor interpreters(1);
    CHECK_THROWS_AS(interpreters.submit(lua("late")).result(), ExecutionFailed);
    interpreters.submit(lua<void>("function late() return 1 end")).result();
    CHECK(interpreters.submit(lua("late")).result() == 1);
    interpreters.submit(lua<void>("function late() return 2 end")).result();
    CHECK(interpreters.submit(lua("late")).result() == 2);
    interpreters
        .submit(lua<void>("callable = setmetatable({}, {__call = function(self, x) return x * 2 end})"))
        .result();
    CHECK(interpreters.submit(lua("callable"), 21).result() == 42);
    interpreters
        .submit(lua<void>("object = setmetatable({}, {__index = {method = function() return 'm' end}})"))
        .result();
    CHECK(interpreters.submit(lua("object.method")).result() == "m");
}

TEST_CASE("a missing function says what is missing") {
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().source("a = { b = { n = 5 } } n = 5"));
    const auto message = [&](const char* name) {
        return caught<ExecutionFailed>([&] { interpreters.submit(lua(name)).result(); }).message();
    };
    CHECK(message("missing") == "there is no such function");
    CHECK(message("a.b.missing") == "there is no such function");
    CHECK(message("a.x.y") == "there is no such function: 'a.x' is a nil value");
    CHECK(message("a.b.n.z") == "there is no such function: 'a.b.n' is a number value");
    CHECK(message("n") == "it is no function, but a number value");
    CHECK(message("a.b") == "it is no function, but a table value");
    const auto error = caught<ExecutionFailed>([&] { interpreters.submit(lua("a.x.y")).result(); });
    CHECK(std::string(error.what()) ==
          "Lua function 'a.x.y' failed: there is no such function: 'a.x' is a nil value");
}

TEST_CASE("several results come as a tuple, and what is not asked for is dropped") {
    InterpreterPoolExecutor interpreters(1);
    const auto three =
        interpreters.submit(lua<std::tuple<int, std::string, std::optional<double>>>("return 1, 'two', 3.5"))
            .result();
    CHECK(three == std::tuple<int, std::string, std::optional<double>>(1, "two", 3.5));
    const auto missing = interpreters.submit(lua<std::tuple<int, std::optional<int>>>("return 1")).result();
    CHECK(missing == std::tuple<int, std::optional<int>>(1, std::nullopt));
    CHECK(interpreters.submit(lua<std::tuple<>>("return 1, 2")).result() == std::tuple<>());
    CHECK(interpreters.submit(lua("return 1, 2")).result() == 1);
    interpreters.submit(lua<void>("return print")).result();
    CHECK(conversion_message([&] {
              interpreters.submit(lua<std::tuple<int, int>>("return 1, 'x'")).result();
          }) == "result of Lua chunk 'return 1, 'x'': at (2): expected an integer, got the string 'x'");
}

TEST_CASE("values of every type arrive as themselves, and come back") {
    InterpreterPoolExecutor interpreters(
        1, InterpreterPoolOptions().source("function same(...) return ... end"));
    const auto back = [&]<class T>(const T& value) {
        return interpreters.submit(lua<T>("same"), value).result();
    };
    const auto type = [&](const auto& value) {
        return interpreters.submit(lua<std::string>("local v = ... return math.type(v) or type(v)"), value)
            .result();
    };
    CHECK(type(1) == "integer");
    CHECK(type(1.0) == "float");
    CHECK(type(true) == "boolean");
    CHECK(type("text") == "string");
    CHECK(type('c') == "string");
    CHECK(type(std::vector<int>{}) == "table");
    CHECK(type(std::nullopt) == "nil");
    CHECK(type(Colour::red) == "integer");
    CHECK(type(2s) == "float");

    CHECK(back(std::int64_t{-9223372036854775807 - 1}) == -9223372036854775807 - 1);
    CHECK(back(0.1) == 0.1);
    CHECK(std::isnan(back(std::nan(""))));
    CHECK(back(true));
    CHECK(back(Colour::blue) == Colour::blue);
    CHECK(back(std::string("\0\xff bytes", 8)) == std::string("\0\xff bytes", 8));
    CHECK(back(std::string(100000, 'x')).size() == 100000);
    CHECK(back(std::vector<int>{1, 2, 3}) == std::vector<int>{1, 2, 3});
    CHECK(back(std::vector<std::optional<int>>{1, std::nullopt, 3}) ==
          std::vector<std::optional<int>>{1, std::nullopt, 3});
    CHECK(back(std::map<std::string, Point>{{"a", {1, 2.5}}}) ==
          std::map<std::string, Point>{{"a", {1, 2.5}}});
    CHECK(back(std::map<int, int>{{1, 1}, {2, 2}, {-7, 3}}) == std::map<int, int>{{1, 1}, {2, 2}, {-7, 3}});
    CHECK(back(std::set<std::string>{"a", "b"}) == std::set<std::string>{"a", "b"});
    CHECK(back(std::pair(1, std::string("x"))) == std::pair(1, std::string("x")));
    CHECK(back(Point{1, 2.5}) == Point{1, 2.5});
    CHECK(back(std::pair<std::optional<int>, int>(std::nullopt, 5)) ==
          std::pair<std::optional<int>, int>(std::nullopt, 5));
    CHECK(back(1500ms) == 1500ms);
    CHECK(back(std::filesystem::path("a/b")) == "a/b");
    CHECK(back(std::optional<int>()) == std::nullopt);
    const Value nested(
        Value::Array{1, "two", Value(Value::Array{})},
        Value::Fields{{"k", true}, {std::int64_t{10}, 2.5}, {"t", Value(Value::Fields{{"x", 1}})}});
    CHECK(back(nested) == nested);
    CHECK(interpreters.submit(lua<std::string>("same"), std::variant<int, std::string>("alternative"))
              .result() == "alternative");
    std::vector<double> many(100000);
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<double>(i) / 3;
    CHECK(back(many) == many);
}

TEST_CASE("arguments are copied when the call is submitted") {
    InterpreterPoolExecutor interpreters(1);
    const Gate gate;
    const auto busy = interpreters.submit(lua(Gate::pass), gate.path());
    std::string text = "before";
    const auto later = interpreters.submit(lua<std::string>("return (...)"), std::string_view(text));
    text = "beyond";
    gate.open();
    CHECK(later.result() == "before");
    CHECK(busy.result() == "passed");
}

TEST_CASE("rule 111: an argument that has no value in Lua fails its own call only") {
    InterpreterPoolExecutor interpreters(1);
    const auto future = interpreters.submit(lua("return 1"), 1, std::uint64_t{1} << 63U);
    CHECK(conversion_message([&] { future.result(); }) ==
          "argument 2 of Lua chunk 'return 1': the integer 9223372036854775808 does not fit an integer of "
          "Lua, which is at most "
          "9223372036854775807");
    CHECK(interpreters.submit(lua("return 1")).result() == 1);
}

TEST_CASE("rule 111: a result that is not what was asked for fails its own call, and says where") {
    InterpreterPoolExecutor interpreters(1);
    const auto message = [&](auto callee) {
        return conversion_message([&] { interpreters.submit(callee).result(); });
    };
    CHECK(message(lua<int>("return 3000000000")) ==
          "result of Lua chunk 'return 3000000000': the integer 3000000000 does not fit the type 'int'");
    CHECK(message(lua<int>("return 'x'")) ==
          "result of Lua chunk 'return 'x'': expected an integer, got the string 'x'");
    CHECK(message(lua<std::vector<Point>>("return {{1, 2}, {3}}")) ==
          "result of Lua chunk 'return {{1, 2}, {3}}': at [2][2]: expected a number, got nil");
    CHECK(message(lua("return print")) ==
          "result of Lua chunk 'return print': a function cannot leave its interpreter: nil, booleans, "
          "numbers, strings and tables of them can");
    CHECK(contains(message(lua("return {x = {1, io.stdout}}")),
                   "at .x[2]: a userdata cannot leave its interpreter"));
    CHECK(contains(message(lua("return coroutine.create(print)")), "a thread cannot leave its interpreter"));
    CHECK(contains(message(lua("return {[1.5] = 1}")), "a table with a key that is a number cannot leave"));
    CHECK(contains(message(lua("return {[true] = 1}")), "a table with a key that is a boolean cannot leave"));
    CHECK(interpreters.submit(lua("return 1")).result() == 1);
}

TEST_CASE("tables that contain themselves, are too deep or without end are errors") {
    InterpreterPoolExecutor interpreters(1);
    const auto message = [&](const char* source) {
        return conversion_message([&] { interpreters.submit(lua(source)).result(); });
    };
    CHECK(contains(message("local t = {} t.self = t return t"),
                   "at .self: a table that contains itself cannot leave its interpreter"));
    CHECK(contains(message("local t = {} t[1] = {{t, t}, t} return t"), "contains itself"));
    CHECK(contains(message("local t = {} for i = 1, 200 do t = {t} end return t"),
                   "nested deeper than 200 levels"));
    CHECK(contains(message("local t = {} for i = 1, 100000 do t = {x = t} end return t"),
                   "nested deeper than 200 levels"));
    CHECK(
        interpreters.submit(lua("local t = {} for i = 1, 199 do t = {t} end return t")).result().is_table());
    // The same table twice is no cycle.
    CHECK(interpreters.submit(lua("local t = {1} return {t, t}")).result() ==
          Value(Value::Array{Value(Value::Array{1}), Value(Value::Array{1})}));
}

TEST_CASE("a Lua error arrives as ExecutionFailed, with its message and its traceback") {
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().source(functions));
    const auto error = caught<ExecutionFailed>([&] { interpreters.submit(lua("outer"), 5).result(); });
    CHECK(contains(error.message(), "attempt to index a number value"));
    CHECK(error.function() == "Lua function 'outer'");
    CHECK(error.what() == "Lua function 'outer' failed: " + error.message());
    CHECK(error.traceback().starts_with("stack traceback:"));
    CHECK(contains(error.traceback(), "inner"));
    CHECK(contains(error.traceback(), "'outer'"));

    CHECK(contains(
        caught<ExecutionFailed>([&] { interpreters.submit(lua("boom"), "with text").result(); }).message(),
        "with text"));
    const auto syntax = caught<ExecutionFailed>([&] { interpreters.submit(lua("return +")).result(); });
    CHECK(std::string(syntax.what()) ==
          "Lua chunk 'return +' failed: [string \"return +\"]:1: unexpected symbol near '+'");
    CHECK(syntax.traceback().empty());
}

TEST_CASE("whatever is thrown as an error becomes a message") {
    InterpreterPoolExecutor interpreters(1);
    const auto message = [&](const char* source) {
        return caught<ExecutionFailed>([&] { interpreters.submit(lua(source)).result(); }).message();
    };
    CHECK(message("error(5)") == "5");
    CHECK(message("error('plain', 0)") == "plain");
    CHECK(message("error()") == "(the error is a nil value)");
    CHECK(message("error({})") == "(the error is a table value)");
    CHECK(message("error({'a', 'b'})") == "(the error is a table value)");
    CHECK(message("error(print)") == "(the error is a function value)");
    CHECK(message("error(setmetatable({}, {__tostring = function() return 'described' end}))") ==
          "described");
    CHECK(message("error(setmetatable({}, {__tostring = function() return 5 end}))") ==
          "(the error is a table value)");
    // The description of the error fails, too, again and again.
    const std::string endless = message(
        "local e = setmetatable({}, {}) getmetatable(e).__tostring = function() error(e) end error(e)");
    CHECK_FALSE(endless.empty());
    CHECK(contains(message("coroutine.yield(1)"), "attempt to yield from outside a coroutine"));
    CHECK(contains(message("local function f() return 1 + f() end return f()"), "stack overflow"));
    CHECK(contains(message("return string.rep('x', 100, string.rep('y', 1 << 62))"),
                   "resulting string too large"));
    CHECK(contains(message("os.exit(3)"), "os.exit is not available"));
    // Raised by the lookup of a name.
    interpreters
        .submit(lua<void>("setmetatable(_G, {__index = function(_, k) error({'table', 'error'}) end})"))
        .result();
    CHECK(message("nowhere") == "(the error is a table value)");
    CHECK(interpreters.submit(lua("return 'still in order'")).result() == "still in order");
}

#ifndef AIO_TEST_SANITIZED
TEST_CASE("lack of memory in an interpreter fails the call, and the interpreter goes on") {
    InterpreterPoolExecutor interpreters(1);
    const auto fails = [&] {
        try {
            interpreters.submit(lua("return io.tmpfile():read(1 << 50)")).result();
        } catch (const std::bad_alloc&) {
            return true;
        } catch (const ExecutionFailed& error) {
            return contains(error.message(), "memory");
        }
        return false;
    };
    CHECK(fails());
    CHECK(interpreters.submit(lua("return 1")).result() == 1);
}
#endif

TEST_CASE("after ten thousand errors of all kinds an interpreter is in order") {
    InterpreterPoolExecutor interpreters(1, InterpreterPoolOptions().source(functions));
    const double before =
        interpreters.submit(lua<double>("collectgarbage() return collectgarbage('count')")).result();
    for (int i = 0; i < 2000; ++i) {
        CHECK_THROWS_AS(interpreters.submit(lua("boom"), "x").result(), ExecutionFailed);
        CHECK_THROWS_AS(interpreters.submit(lua("no.such"), 1).result(), ExecutionFailed);
        CHECK_THROWS_AS(interpreters.submit(lua("return {1, 2, {{{print}}}}")).result(), ConversionError);
        CHECK_THROWS_AS(interpreters.submit(lua<int>("return 'x'")).result(), ConversionError);
        CHECK_THROWS_AS(interpreters.submit(lua("syntax error " + std::to_string(i))).result(),
                        ExecutionFailed);
    }
    // Nothing piled up: neither on the stack nor in the registry.
    const double after =
        interpreters.submit(lua<double>("collectgarbage() return collectgarbage('count')")).result();
    CHECK(after < before + 100);
    CHECK(interpreters.submit(lua("cpu_bound"), 10).result() == 385);
}

TEST_CASE("many different sources do not pile up in an interpreter") {
    InterpreterPoolExecutor interpreters(1);
    const auto count = [&] {
        return interpreters.submit(lua<double>("collectgarbage() return collectgarbage('count')")).result();
    };
    for (int i = 0; i < 200; ++i) interpreters.submit(lua<void>("return " + std::to_string(i))).result();
    const double before = count();
    for (int i = 0; i < 5000; ++i)
        CHECK(interpreters.submit(lua("return " + std::to_string(i))).result() == i);
    CHECK(count() < before + 50);
}

#endif
