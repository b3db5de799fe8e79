#include <chrono>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

ContextVar<int> number("number", 0);

Context with_number(int n) {
    Context context;
    context.run([&] { number.set(n); });
    return context;
}

} // namespace

TEST_CASE("rule 21: every kind of callback can be given the context to run in") {
    TestLoop test;
    std::vector<int> seen;
    const auto note = [&](int factor) { seen.push_back(factor * number.get()); };
    const auto note_done = [&] { note(1); };
    const auto main = [&]() -> Coro<> {
        test.loop.call_soon(with_number(1), note, 10);
        test.loop.call_soon_threadsafe(with_number(2), note, 10);
        Future<> future = test.loop.create_future<>();
        future.add_done_callback(with_number(3), note_done);
        future.set_result();
        co_await rounds(1);
        Future<> last = test.loop.create_future<>();
        test.loop.call_later(with_number(4), 1ms, note, 10);
        test.loop.call_at(with_number(5), test.loop.time() + 2ms, [&] {
            note(1);
            last.set_result();
        });
        co_await last;
    };
    test.loop.run_until_complete(main());
    CHECK(seen == std::vector<int>{10, 20, 3, 40, 5});
}

TEST_CASE("rule 68: what is reported about a task is reported in the task's context") {
    std::vector<int> seen;
    {
        EventLoop loop;
        loop.set_exception_handler([&](EventLoop&, const ErrorContext&) { seen.push_back(number.get()); });
        const auto fails = []() -> Coro<> {
            number.set(9);
            co_await sleep(0s);
            throw std::runtime_error("lost");
        };
        const auto waits = []() -> Coro<> {
            number.set(7);
            co_await sleep(1h);
        };
        const auto main = [&]() -> Coro<> {
            create_task(fails());
            create_task(waits());
            co_await rounds(3);
        };
        loop.run_until_complete(main());
        CHECK(seen == std::vector<int>{9});
    }
    CHECK(seen == std::vector<int>{9, 7});
}

TEST_CASE("rule 21: a handle tells the context of its callback, and a timer's handle when it is due") {
    TestLoop test;
    EventLoop& loop = test.loop;
    const auto nothing = [] {};
    const TimePoint when = loop.time() + 1h;
    CHECK(loop.call_soon(with_number(1), nothing).get_context().get(number) == 1);
    CHECK(loop.call_soon_threadsafe(with_number(2), nothing).get_context().get(number) == 2);
    const TimerHandle timer = loop.call_at(with_number(3), when, nothing);
    CHECK(timer.get_context().get(number) == 3);
    CHECK(timer.when() == when);
    CHECK_THROWS_AS(static_cast<void>(Handle().get_context()), InvalidStateError);
    CHECK_THROWS_AS(static_cast<void>(TimerHandle().when()), InvalidStateError);
    CHECK_THROWS_AS(static_cast<void>(ThreadsafeHandle().get_context()), InvalidStateError);
}
