#include <memory>

#include <doctest/doctest.h>

#include <aio/aio.hpp>

#include "runner_help.hpp"

namespace {

using namespace runner_test;

aio::ContextVar<int> variable("variable", 0);

aio::Coro<bool> debug_mode() { co_return aio::get_running_loop().get_debug(); }

} // namespace

TEST_CASE("run takes options: debug mode, and where the loop comes from") {
    int made = 0;
    const auto factory = [&] {
        ++made;
        auto loop = std::make_unique<aio::EventLoop>();
        loop->set_debug(true);
        return loop;
    };
    CHECK_FALSE(aio::run(debug_mode()));
    CHECK(aio::run(debug_mode(), aio::RunOptions().debug()));
    CHECK(aio::run(debug_mode(), aio::RunOptions().loop_factory(factory)));
    CHECK_FALSE(aio::run(debug_mode(), aio::RunOptions().loop_factory(factory).debug(false)));
    CHECK(made == 2);
}

TEST_CASE("run takes options before a callable and its arguments") {
    const auto main = [](int n) -> aio::Coro<int> { co_return aio::get_running_loop().get_debug() ? n : 0; };
    CHECK(aio::run(aio::RunOptions().debug(), main, 5) == 5);
    CHECK(aio::run(main, 5) == 0);
}

TEST_CASE("a loop factory that gives no loop is an error") {
    const auto factory = [] { return std::unique_ptr<aio::EventLoop>(); };
    CHECK_THROWS_AS(aio::run(give(1), aio::RunOptions().loop_factory(factory)), aio::ValueError);
    CHECK_THROWS_AS(aio::Runner(factory).run(give(1)), aio::ValueError);
}

TEST_CASE("rule 73: a Runner runs in a given context instead of its own, and leaves there what is set") {
    aio::Runner runner(aio::RunOptions().debug());
    aio::Context context;
    context.run([] { variable.set(1); });
    const auto main = []() -> aio::Coro<int> {
        const int seen = variable.get();
        variable.set(seen + 10);
        co_return seen;
    };
    CHECK(runner.run(main(), context) == 1);
    CHECK(context.get(variable) == 11);
    CHECK(runner.run(main()) == 0);
    CHECK(runner.run(main()) == 10);
}
