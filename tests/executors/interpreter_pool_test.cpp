#include <aio/executors/interpreter_pool.hpp>

#include <doctest/doctest.h>

#if AIO_HAVE_LUA

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <aio/core/coro.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

namespace {

using namespace std::chrono_literals;
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

template <class Error, class F>
Error caught(F function) {
    try {
        function();
    } catch (const Error& error) {
        return error;
    }
    throw std::logic_error("no such error was thrown");
}

template <class F>
std::string conversion_message(F function) {
    return caught<ConversionError>(function).what();
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// A file that is there for as long as this.
class TemporaryFile {
public:
    TemporaryFile(const std::string& name, const std::string& content)
        : path_(std::filesystem::temp_directory_path() /
                (name + std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
        std::ofstream(path_, std::ios::binary) << content;
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile() { std::filesystem::remove(path_); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

/// Keeps a script waiting until a file is there, because a script has no other way to hear from the program.
class Gate {
public:
    Gate()
        : path_(std::filesystem::temp_directory_path() /
                ("aiouv_gate" + std::to_string(reinterpret_cast<std::uintptr_t>(this)))) {
        std::filesystem::remove(path_);
    }
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate() { std::filesystem::remove(path_); }
    void open() const { std::ofstream(path_) << "open"; }
    [[nodiscard]] std::string path() const { return path_.string(); }
    /// A chunk that passes the gate given as its argument.
    static constexpr const char* pass =
        "local path, f = ... repeat f = io.open(path) until f; f:close(); return 'passed'";

private:
    std::filesystem::path path_;
};

const char* const functions = R"(
    function cpu_bound(n)
        local sum = 0
        for i = 1, n do sum = sum + i * i end
        return sum
    end
    filters = { keep = function(name, size) return size > 10 and name:sub(1, 1) ~= "." end }
    function boom(text) error(text) end
    local function inner(x) return x.field end
    function outer(x) return (inner(x)) end
)";

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

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#if !defined(__has_feature)
#define AIO_TEST_MEMORY 1
#elif !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define AIO_TEST_MEMORY 1
#endif
#endif
#ifdef AIO_TEST_MEMORY
TEST_CASE("lack of memory in an interpreter fails the call, and the interpreter goes on") {
    InterpreterPoolExecutor interpreters(1);
    const auto fails = [&] {
        try {
            interpreters.submit(lua("return io.tmpfile():read(1 << 46)")).result();
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
    const TemporaryFile file(
        "aiouv_source", "#!/usr/bin/lua\nfunction limit() return limits.size + extra end\nreturn ignored()");
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
    const TemporaryFile file("aiouv_bad", "\xEF\xBB\xBF-- a comment\nfunction f() error('here') end");
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
    const TemporaryFile closed("aiouv_closed", "");
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

#endif
