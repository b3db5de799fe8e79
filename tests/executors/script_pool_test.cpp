#include <aio/executors/script_pool.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <tuple>

#include <aio/core/sleep.hpp>
#include <aio/structure/run.hpp>

#include "interpreter_test_kit.hpp"
#include "patience.hpp"

namespace {

using namespace std::chrono_literals;
using namespace interpreter_test;
using aio::InterpreterPoolOptions;
using aio::script_function;
using aio::script_source;
using aio::Value;

/// A language for the test: each line defines a function of its arguments, `name: step step ...`, where a
/// step is
/// `+n` (adds n), `+name` (adds a global), `forever`, or `fail`. Its interpreters are no threads' common
/// property.
class Toy {
public:
    static constexpr const char* language = "Toy";

    explicit Toy(std::int64_t start = 0) : start_(start) { ++alive; }
    ~Toy() { --alive; }
    Toy(const Toy&) = delete;
    Toy& operator=(const Toy&) = delete;

    void set_global(const std::string& name, const Value& value) {
        globals_[name] = value.as<std::int64_t>();
    }

    Value exec(const std::string& source, const aio::ScriptRun&) {
        std::istringstream lines(source);
        for (std::string line; std::getline(lines, line);) {
            const std::size_t colon = line.find(':');
            if (colon == std::string::npos) throw aio::ScriptError("no colon in '" + line + "'");
            functions_[line.substr(0, colon)] = line.substr(colon + 1);
        }
        return Value(static_cast<std::int64_t>(functions_.size()));
    }

    Value call(const std::string& name, std::span<const Value> arguments, const aio::ScriptRun& run) {
        const auto found = functions_.find(name);
        if (found == functions_.end()) throw aio::ScriptError("no such function", "at the top");
        std::int64_t sum = start_;
        for (const Value& argument : arguments) sum += argument.as<std::int64_t>();
        std::istringstream steps(found->second);
        for (std::string step; steps >> step;) {
            if (step == "pair") return Value(Value::Array{Value(sum), Value("pair")});
            if (step == "fail") throw aio::ScriptError("failed at " + std::to_string(sum), "in " + name);
            if (step == "forever") wait_for_stop(run);
            const std::string what = step.substr(1);
            sum += globals_.contains(what) ? globals_[what] : std::stoll(what);
        }
        return Value(sum);
    }

    [[nodiscard]] bool usable() const noexcept { return !stopped_; }

    static inline std::atomic<int> alive = 0;

private:
    /// As an engine that is interrupted from outside.
    [[noreturn]] void wait_for_stop(const aio::ScriptRun& run) {
        patience::Gate asked;
        std::stop_callback told(run.stop, [&] { asked.open(); });
        asked.wait();
        stopped_ = true;
        throw aio::ScriptError("interrupted");
    }

    std::int64_t start_;
    std::map<std::string, std::int64_t> globals_;
    std::map<std::string, std::string> functions_;
    bool stopped_ = false;
};

static_assert(aio::ScriptBackend<Toy>);
static_assert(!aio::ScriptBackend<std::string>);

InterpreterPoolOptions toys() {
    InterpreterPoolOptions options;
    options.max_workers(2)
        .global("seven", 7)
        .source("add: +1 +seven\nbad: +1 fail\nendless: forever\nboth: pair");
    return options;
}

} // namespace

TEST_CASE("rule 119: a backend of the program's own runs functions and sources, with globals and arguments") {
    {
        aio::ScriptPoolExecutor<Toy> pool(toys(), std::int64_t{100});
        CHECK(pool.submit(script_function<int>("add")).result(patience::limit) == 108);
        CHECK(pool.submit(script_function<int>("add"), 10, 20).result(patience::limit) == 138);
        CHECK(pool.submit(script_function("add"), 1).result(patience::limit) == 109);
        CHECK(pool.submit(script_source<int>("more: +2")).result(patience::limit) == 5);
        const auto both = pool.submit(script_function<std::tuple<int, std::string>>("both"), 1);
        CHECK(both.result(patience::limit) == std::tuple(101, std::string("pair")));
        CHECK_NOTHROW(pool.submit(script_function<void>("add")).result(patience::limit));
        const int sum = aio::run([&]() -> aio::Coro<int> {
            const auto add = script_function<int>("add");
            co_return co_await aio::get_running_loop().run_in_executor(pool, add, 5);
        });
        CHECK(sum == 113);
    }
    CHECK(Toy::alive == 0);
}

TEST_CASE(
    "rule 119: a backend's errors arrive as ExecutionFailed, with its language, message and traceback") {
    aio::ScriptPoolExecutor<Toy> pool(toys());
    const auto error = caught<aio::ExecutionFailed>(
        [&] { pool.submit(script_function<int>("bad"), 4).result(patience::limit); });
    CHECK(error.function() == "Toy function 'bad'");
    CHECK(error.message() == "failed at 5");
    CHECK(error.traceback() == "in bad");
    CHECK(contains(caught<aio::ConversionError>([&] {
                       pool.submit(script_function<std::string>("add")).result(patience::limit);
                   }).what(),
                   "result of Toy function 'add'"));
    CHECK_THROWS_AS(pool.submit(script_function("add"), "text").result(patience::limit),
                    aio::NotShareableError);
}

TEST_CASE("rule 109: a backend that cannot be prepared breaks its pool") {
    aio::ScriptPoolExecutor<Toy> pool(InterpreterPoolOptions().max_workers(1).source("nonsense"));
    const auto use = [&] { pool.submit(script_function("add")).result(patience::limit); };
    CHECK(contains(caught<aio::BrokenInterpreterPool>(use).what(), "no colon in 'nonsense'"));
    aio::ScriptPoolExecutor<Toy> other(
        InterpreterPoolOptions().max_workers(1).initializer(script_function("missing"), 1));
    const auto use_other = [&] { other.submit(script_function("add")).result(patience::limit); };
    CHECK(contains(caught<aio::BrokenInterpreterPool>(use_other).what(), "no such function"));
}

TEST_CASE("rule 119: a backend is interrupted when its call is cancelled, and replaced when it says so") {
    aio::ScriptPoolExecutor<Toy> pool(toys().max_workers(1));
    CHECK(pool.submit(script_source<int>("mine: +1")).result(patience::limit) == 5);
    const auto running = pool.submit(script_function("endless"));
    REQUIRE(patience::until([&] { return running.running(); }));
    CHECK_FALSE(running.cancel());
    CHECK(caught<aio::ExecutionFailed>([&] { running.result(patience::limit); }).message() == "interrupted");
    CHECK_THROWS_AS(pool.submit(script_function("mine")).result(patience::limit), aio::ExecutionFailed);
    CHECK(pool.statistics().replaced == 1);

    const auto last = pool.submit(script_function("endless"));
    REQUIRE(patience::until([&] { return last.running(); }));
    CHECK(pool.running_calls().front().name == "Toy function 'endless'");
    pool.terminate_workers();
    CHECK_THROWS_AS(last.result(patience::limit), aio::ExecutionFailed);
}
