#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/async_generator.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/run.hpp>
#include <aio/structure/task_group.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

/// Yields for ever; when closed, awaits in its cleanup and writes `name` into the log.
AsyncGenerator<int> logged(std::string name, std::string& log, Tracer) {
    std::exception_ptr error;
    try {
        for (int i = 0;; ++i) co_yield i;
    } catch (...) {
        error = std::current_exception();
    }
    co_await sleep(0s);
    log += name;
    std::rethrow_exception(error);
}
AsyncGenerator<int> stubborn(Tracer) {
    while (true) {
        try {
            co_yield 1;
        } catch (const GeneratorExit&) {
        }
    }
}

} // namespace

TEST_CASE("aclose: throws GeneratorExit at the yield, and waits for the body's cleanup") {
    int alive = 0;
    run_in_loop([&](EventLoop&) -> Coro<> {
        std::string log;
        auto generator = logged("closed", log, Tracer(alive));
        co_await generator.next();
        co_await generator.aclose();
        CHECK(log == "closed");
        CHECK(alive == 0);
        CHECK_FALSE((co_await generator.next()).has_value());
        co_await generator.aclose();
        CHECK(log == "closed");
    });
}

TEST_CASE("aclose: a body that returns after GeneratorExit, or is not started, is closed as well") {
    int alive = 0;
    run_in_loop([&](EventLoop&) -> Coro<> {
        std::string log;
        auto unstarted = logged("x", log, Tracer(alive));
        co_await unstarted.aclose();
        CHECK(alive == 0);
        CHECK_FALSE((co_await unstarted.next()).has_value());
        CHECK(log.empty());
        const auto make = []() -> AsyncGenerator<int> {
            try {
                co_yield 1;
            } catch (const GeneratorExit&) {
            }
        };
        auto returning = make();
        co_await returning.next();
        CHECK(co_await outcome(returning.aclose()) == "value");
    });
}

TEST_CASE("aclose: GeneratorExit is no std::exception") {
    run_in_loop([](EventLoop&) -> Coro<> {
        bool swallowed = false;
        const auto make = [&]() -> AsyncGenerator<int> {
            try {
                co_yield 1;
            } catch (const std::exception&) {
                swallowed = true;
            }
        };
        auto generator = make();
        co_await generator.next();
        co_await generator.aclose();
        CHECK_FALSE(swallowed);
    });
}

TEST_CASE("aclose: a body that yields again is destroyed, and that is an error") {
    int alive = 0;
    run_in_loop([&](EventLoop&) -> Coro<> {
        auto generator = stubborn(Tracer(alive));
        co_await generator.next();
        CHECK(co_await outcome(generator.aclose()) == "async generator ignored GeneratorExit");
        CHECK(alive == 0);
        CHECK_FALSE((co_await generator.next()).has_value());
    });
}

TEST_CASE("aclose: an error of the cleanup comes out of it") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto make = []() -> AsyncGenerator<int> {
            try {
                co_yield 1;
            } catch (const GeneratorExit&) {
                throw std::runtime_error("from the cleanup");
            }
        };
        auto generator = make();
        co_await generator.next();
        CHECK(co_await outcome(generator.aclose()) == "from the cleanup");
    });
}

TEST_CASE("aclose: a cancellation reaches the cleanup") {
    int alive = 0;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        std::string log;
        auto generator = logged("end", log, Tracer(alive));
        co_await generator.next();
        const auto close = [&]() -> Coro<> { co_await generator.aclose(); };
        Task<> task = loop.create_task(close());
        co_await rounds(1);
        task.cancel("now");
        CHECK(co_await outcome(task) == "cancelled: now");
        CHECK(log.empty());
        CHECK(alive == 0);
    });
}

TEST_CASE("aclose: a generator dropped at a yield is destroyed at once, without its catch blocks") {
    int alive = 0;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        std::string log;
        {
            auto generator = logged("closed", log, Tracer(alive));
            co_await generator.next();
            CHECK(alive == 1);
        }
        CHECK(alive == 0);
        co_await loop.shutdown_asyncgens();
        CHECK(log.empty());
    });
}

TEST_CASE("rule 71: generators that are open when run ends are closed, after tasks have been cancelled") {
    int alive = 0;
    std::string log;
    std::optional<AsyncGenerator<int>> first;
    std::optional<AsyncGenerator<int>> second;
    std::optional<AsyncGenerator<int>> ended;
    const auto main = [&]() -> Coro<> {
        first.emplace(logged("1", log, Tracer(alive)));
        second.emplace(logged("2", log, Tracer(alive)));
        ended.emplace(logged("3", log, Tracer(alive)));
        co_await first->next();
        co_await second->next();
        co_await ended->next();
        co_await ended->aclose();
        const auto sleeper = [&]() -> Coro<> {
            const std::string end = co_await outcome(sleep(1h));
            log += end;
        };
        create_task(sleeper);
        co_await sleep(0s);
    };
    run(main);
    CHECK(log == "3cancelled21");
    CHECK(alive == 0);
}

TEST_CASE("rule 71: a generator that holds another one is closed after it") {
    int alive = 0;
    std::string log;
    const auto outer = [&](Tracer) -> AsyncGenerator<int> {
        auto inner = logged("inner ", log, Tracer(alive));
        try {
            while (auto item = co_await inner.next()) co_yield *item;
        } catch (const GeneratorExit&) {
            log += "outer";
            throw;
        }
    };
    std::optional<AsyncGenerator<int>> generator;
    const auto main = [&]() -> Coro<> {
        generator.emplace(outer(Tracer(alive)));
        co_await generator->next();
    };
    run(main);
    CHECK(log == "inner outer");
    CHECK(alive == 0);
}

TEST_CASE("rule 71: what generators throw when the loop closes them is reported, and the rest is closed") {
    TestLoop test;
    int alive = 0;
    std::string log;
    const auto main = [&]() -> Coro<> {
        auto fine = logged("fine", log, Tracer(alive));
        auto bad = stubborn(Tracer(alive));
        co_await fine.next();
        co_await bad.next();
        co_await test.loop.shutdown_asyncgens();
        CHECK(alive == 0);
    };
    test.loop.run_until_complete(main());
    CHECK(log == "fine");
    REQUIRE(test.reports.size() == 1);
    CHECK(test.reports[0].find("stubborn") != std::string::npos);
    CHECK(test.reports[0].find("async generator ignored GeneratorExit") != std::string::npos);
}

TEST_CASE("rule 71: a generator that runs in a task cannot be closed by the loop") {
    TestLoop test;
    const auto main = [&]() -> Coro<> {
        Future<> future = test.loop.create_future<>();
        const auto make = [&]() -> AsyncGenerator<int> {
            co_await future;
            co_yield 1;
        };
        auto generator = make();
        const auto ask = [&]() -> Coro<int> { co_return (co_await generator.next()).value(); };
        Task<int> task = test.loop.create_task(ask());
        co_await rounds(1);
        co_await test.loop.shutdown_asyncgens();
        CHECK(test.reports.size() == 1);
        future.set_result();
        const int n = co_await task;
        CHECK(n == 1);
    };
    test.loop.run_until_complete(main());
}

TEST_CASE("rule 71: a generator that is started after shutdown_asyncgens is reported, and runs") {
    TestLoop test;
    const auto main = [&]() -> Coro<> {
        co_await test.loop.shutdown_asyncgens();
        const auto make = []() -> AsyncGenerator<int> { co_yield 1; };
        auto generator = make();
        auto item = co_await generator.next();
        CHECK(item == 1);
    };
    test.loop.run_until_complete(main());
    REQUIRE(test.reports.size() == 1);
    CHECK(test.reports[0].find("was started after shutdown_asyncgens") != std::string::npos);
}

TEST_CASE("rule 35: a group in a generator that is closed throws the signal bare if it is the only error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        std::string seen;
        const auto make = [&](bool child_fails) -> AsyncGenerator<int> {
            TaskGroup group;
            group.enter();
            const auto child = [child_fails]() -> Coro<> {
                const std::string end = co_await outcome(sleep(1h));
                if (child_fails) throw std::runtime_error("child");
            };
            group.create_task(child);
            std::exception_ptr error;
            try {
                co_await rounds(2);
                co_yield 1;
            } catch (...) {
                error = std::current_exception();
            }
            co_await group.exit(error);
        };
        auto fine = make(false);
        co_await fine.next();
        CHECK(co_await outcome(fine.aclose()) == "value");
        auto failing = make(true);
        co_await failing.next();
        CHECK(co_await outcome(failing.aclose()) == "group[child, unknown]");
    });
}
