#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

ContextVar<int> setting("setting", 0);

} // namespace

TEST_CASE("rule 57: a round runs what was queued when it began; what that queues waits for the next") {
    TestLoop test;
    std::string order;
    test.loop.call_soon([&] {
        order += 'a';
        test.loop.call_soon(note(order, 'd'));
        test.loop.stop();
    });
    test.loop.call_soon(note(order, 'b'));
    test.loop.call_soon(note(order, 'c'));
    test.loop.run_forever();
    CHECK(order == "abc");
    run_rounds(test.loop, 1);
    CHECK(order == "abcd");
}

TEST_CASE("rule 57: callbacks that keep queueing each other do not starve timers and other threads") {
    // On real time: virtual time stands still while callbacks are queued.
    TestLoop test(SteadyClock::instance());
    bool timer = false;
    bool posted = false;
    std::thread thread;
    const auto start = test.loop.time();
    const auto spin = [&](auto& self) -> void {
        if (timer && posted) {
            test.loop.stop();
            return;
        }
        if (test.loop.time() - start < 60s) test.loop.call_soon([&self] { self(self); });
    };
    test.loop.call_soon([&] { spin(spin); });
    test.loop.call_later(1ms, [&] {
        timer = true;
        thread = std::thread([&] { test.loop.call_soon_threadsafe([&] { posted = true; }); });
    });
    test.loop.run_forever();
    thread.join();
    CHECK(timer);
    CHECK(posted);
}

TEST_CASE(
    "rule 58: within a round come callbacks, queued and posted, in the order of the calls, then timers") {
    TestLoop test;
    std::string order;
    EventLoop& loop = test.loop;
    SUBCASE("in the first round of a run") {
        loop.call_later(0s, note(order, 't'));
        std::thread([&] { loop.call_soon_threadsafe(note(order, 'i')); }).join();
        loop.call_soon(note(order, 's'));
        run_rounds(loop, 2);
        CHECK(order == "ist");
    }
    SUBCASE("a timer without delay comes after what was queued before it") {
        loop.call_soon([&] {
            loop.call_soon(note(order, 's'));
            loop.call_later(0s, note(order, 't'));
            loop.call_later(-1s, note(order, 'u'));
        });
        run_rounds(loop, 3);
        // A negative delay lies further back than none.
        CHECK(order == "sut");
    }
}

TEST_CASE("rule 60: a callback that is cancelled in the round in which it was to run does not run") {
    // On real time: libuv's timer may be set for one that is cancelled.
    TestLoop test(SteadyClock::instance());
    EventLoop& loop = test.loop;
    std::string order;
    Handle soon;
    TimerHandle second;
    const TimePoint when = loop.time() + 1ms;
    loop.call_soon([&] { soon.cancel(); });
    soon = loop.call_soon(note(order, 'x'));
    loop.call_at(when, [&] {
        order += 'a';
        second.cancel();
    });
    second = loop.call_at(when, note(order, 'x'));
    TimerHandle third = loop.call_later(1h, note(order, 'x'));
    third.cancel();
    third.cancel();
    CHECK(third.cancelled());
    loop.call_at(when, [&] { loop.stop(); });
    loop.run_forever();
    CHECK(order == "a");
    CHECK(soon.cancelled());
    CHECK(second.cancelled());
    CHECK(second.when() == when);
    // Cancelling what has run, or an empty handle, has no effect.
    Handle().cancel();
    soon.cancel();
}

TEST_CASE("rule 60: a cancelled callback is destroyed at once, and one that has run as soon as it has") {
    TestLoop test;
    EventLoop& loop = test.loop;
    int alive = 0;
    const auto callback = [&] { return [tracer = Tracer(alive)] { static_cast<void>(tracer); }; };
    Handle soon = loop.call_soon(callback());
    TimerHandle later = loop.call_later(1h, callback());
    ThreadsafeHandle posted = loop.call_soon_threadsafe(callback());
    CHECK(alive == 3);
    soon.cancel();
    CHECK(alive == 2);
    later.cancel();
    CHECK(alive == 1);
    posted.cancel();
    CHECK(alive == 0);
    // One that owns its own handle, and one that calls itself off while it runs.
    auto owner = std::make_shared<Handle>();
    const std::weak_ptr<Handle> handle = owner;
    *owner = loop.call_soon([owner] { static_cast<void>(owner); });
    owner.reset();
    handle.lock()->cancel();
    CHECK(handle.expired());
    Handle running;
    running = loop.call_soon([&, tracer = Tracer(alive)] {
        running.cancel();
        CHECK(alive == 1);
        static_cast<void>(tracer);
    });
    loop.run_until_complete(rounds(1));
    CHECK(alive == 0);
    CHECK(running.cancelled());
}

TEST_CASE("rule 63: what arrives through libuv is queued, and runs as part of a round") {
    TestLoop test;
    EventLoop& loop = test.loop;
    std::string order;
    std::thread([&] {
        loop.call_soon_threadsafe([&] {
            order += 'a';
            loop.call_soon(note(order, 'c'));
            CHECK(&get_running_loop() == &loop);
        });
        loop.call_soon_threadsafe(note(order, 'b'));
    }).join();
    run_rounds(loop, 3);
    CHECK(order == "abc");
}

TEST_CASE("rule 64: stop ends the run after the present round; called before, it allows one round") {
    TestLoop test;
    EventLoop& loop = test.loop;
    std::string order;
    SUBCASE("before the run") {
        loop.call_soon([&] {
            order += 'a';
            loop.call_soon(note(order, 'b'));
        });
        loop.call_later(1h, note(order, 'x'));
        loop.stop();
        loop.run_forever();
        CHECK(order == "a");
        loop.stop();
        loop.run_forever();
        CHECK(order == "ab");
    }
    SUBCASE("with nothing to do it returns at once") {
        loop.stop();
        loop.run_forever();
    }
    SUBCASE("from a timer, and again from the next run") {
        for (int i = 0; i < 3; ++i) {
            loop.call_later(1ms, [&] { loop.stop(); });
            loop.run_forever();
            CHECK_FALSE(loop.is_running());
        }
    }
    SUBCASE("what other threads posted before is not lost") {
        loop.call_soon([&] { loop.stop(); });
        loop.run_forever();
        std::thread([&] { loop.call_soon_threadsafe(note(order, 'p')); }).join();
        run_rounds(loop, 2);
        CHECK(order == "p");
    }
}

TEST_CASE("rule 65: a run that is stopped too early says so, and the task can be run on") {
    TestLoop test;
    EventLoop& loop = test.loop;
    const auto nap = []() -> Coro<int> {
        co_await sleep(2ms);
        co_return 4;
    };
    Task<int> task = loop.create_task(nap());
    loop.call_soon([&] { loop.stop(); });
    CHECK(thrown_by([&] { loop.run_until_complete(task); }) == "Event loop stopped before Future completed.");
    CHECK(loop.run_until_complete(task) == 4);
    CHECK(loop.run_until_complete(task) == 4);
    // The first, failed run must not have left anything that stops this one.
    CHECK(loop.run_until_complete(nap()) == 4);
    CHECK(test.reports.empty());
}

TEST_CASE("rule 65: runs do not nest, neither on one loop nor on two, and the coroutine of a refused run "
          "never starts") {
    TestLoop test;
    TestLoop other;
    bool ran = false;
    const auto never = [&]() -> Coro<> {
        ran = true;
        co_return;
    };
    const auto main = [&]() -> Coro<> {
        CHECK(test.loop.is_running());
        CHECK(thrown_by([&] { test.loop.run_until_complete(never()); }) ==
              "This event loop is already running");
        CHECK_THROWS_AS(test.loop.run_forever(), RuntimeError);
        CHECK_THROWS_AS(other.loop.run_until_complete(never()), RuntimeError);
        CHECK_THROWS_AS(other.loop.run_forever(), RuntimeError);
        co_await rounds(3);
    };
    test.loop.run_until_complete(main());
    run_rounds(other.loop, 3);
    CHECK_FALSE(ran);
    Future<> foreign = other.loop.create_future();
    CHECK_THROWS_AS(test.loop.run_until_complete(foreign), RuntimeError);
}

TEST_CASE(
    "rule 65: a loop that runs in another thread is not touched from here but by the calls made for it") {
    TestLoop test;
    Future<> stop = test.loop.create_future();
    std::thread thread([&] { test.loop.run_until_complete(stop); });
    std::atomic<bool> running = false;
    test.loop.call_soon_threadsafe([&] { running = true; });
    while (!running) std::this_thread::yield();
    CHECK_THROWS_AS(test.loop.call_soon([] {}), RuntimeError);
    CHECK_THROWS_AS(test.loop.call_later(1s, [] {}), RuntimeError);
    CHECK_THROWS_AS(static_cast<void>(test.loop.create_task(rounds(1))), RuntimeError);
    test.loop.call_soon_threadsafe([&] { stop.set_result(); });
    thread.join();
}

TEST_CASE("rule 66: a closed loop refuses everything; closing again does nothing") {
    TestLoop test;
    EventLoop& loop = test.loop;
    int alive = 0;
    bool called = false;
    loop.call_soon([tracer = Tracer(alive), &called] { called = true; });
    loop.call_later(1h, [tracer = Tracer(alive), &called] { called = true; });
    loop.call_soon_threadsafe([tracer = Tracer(alive), &called] { called = true; });
    TimerHandle timer = loop.call_later(1h, [] {});
    loop.close();
    CHECK(alive == 0);
    loop.close();
    CHECK(loop.is_closed());
    CHECK_FALSE(called);
    const std::string closed = "Event loop is closed";
    CHECK(thrown_by([&] { loop.call_soon([] {}); }) == closed);
    CHECK(thrown_by([&] { loop.call_later(1s, [] {}); }) == closed);
    CHECK(thrown_by([&] { loop.call_at(TimePoint(), [] {}); }) == closed);
    CHECK(thrown_by([&] { loop.call_soon_threadsafe([] {}); }) == closed);
    CHECK(thrown_by([&] { loop.create_task(rounds(1)); }) == closed);
    CHECK(thrown_by([&] { loop.run_until_complete(rounds(1)); }) == closed);
    CHECK(thrown_by([&] { loop.run_forever(); }) == closed);
    timer.cancel();
    CHECK(test.reports.empty());
}

TEST_CASE("rule 66: a running loop cannot be closed") {
    TestLoop test;
    test.loop.call_soon([&] { CHECK_THROWS_AS(test.loop.close(), RuntimeError); });
    run_rounds(test.loop, 2);
    CHECK_FALSE(test.loop.is_closed());
}

TEST_CASE("rule 66: destructors of tasks that a closing loop destroys may wake and cancel each other") {
    TestLoop test;
    EventLoop& loop = test.loop;
    Future<> first = loop.create_future();
    Future<> second = loop.create_future();
    Task<> victim;
    struct Guard {
        explicit Guard(std::function<void()> f) : at_end(std::move(f)) {}
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { at_end(); }
        std::function<void()> at_end;
    };
    int ended = 0;
    const auto wait = [&](Future<> mine, Future<> others) -> Coro<> {
        const std::function<void()> at_end = [&ended, &victim, others]() mutable {
            ++ended;
            if (!others.done()) others.set_result();
            victim.cancel();
        };
        const Guard guard(at_end);
        co_await mine;
    };
    const auto wait_for_future = [&]() -> Coro<> { co_await loop.create_future(); };
    Task<> a = loop.create_task(wait(first, second));
    Task<> b = loop.create_task(wait(second, first));
    victim = loop.create_task(wait_for_future());
    run_rounds(loop, 2);
    loop.close();
    CHECK(ended == 2);
    CHECK(a.cancelled());
    CHECK(b.cancelled());
    CHECK(victim.cancelled());
}

TEST_CASE("rule 68: an exception in a callback is reported, and the loop goes on; a BaseError ends the run") {
    TestLoop test;
    std::string order;
    test.loop.call_soon([] { throw std::runtime_error("oops"); });
    test.loop.call_soon([] { throw CancelledError("stray"); });
    test.loop.call_soon(note(order, 'a'));
    run_rounds(test.loop, 1);
    CHECK(order == "a");
    REQUIRE(test.reports.size() == 2);
    CHECK(test.reports[0] == "Exception in callback: oops");
    CHECK(test.reports[1] == "Exception in callback: cancelled: stray");
    test.loop.call_soon([] { throw SystemExit(4); });
    test.loop.call_soon(note(order, 'b'));
    CHECK(thrown_by([&] { test.loop.run_forever(); }) == "system exit 4");
    CHECK(order == "a");
    run_rounds(test.loop, 1);
    CHECK(order == "ab");
}

TEST_CASE("rule 68: the handler runs in the callback's context, may throw, and may replace itself") {
    EventLoop loop;
    int seen = -1;
    int calls = 0;
    loop.set_exception_handler([&](EventLoop& l, const ErrorContext&) {
        ++calls;
        seen = setting.get();
        l.set_exception_handler([&](EventLoop&, const ErrorContext& context) {
            ++calls;
            throw std::runtime_error("from a test's handler: these two lines are expected; while " +
                                     context.message);
        });
    });
    Context context;
    context.run([&] {
        setting.set(8);
        loop.call_soon([] { throw std::runtime_error("one"); });
    });
    loop.call_soon([] { throw std::runtime_error("two, expected"); });
    run_rounds(loop, 2);
    CHECK(seen == 8);
    CHECK(calls == 2);
    loop.set_exception_handler([](EventLoop&, const ErrorContext&) { throw SystemExit(5); });
    loop.call_soon([] { throw std::runtime_error("three"); });
    CHECK(thrown_by([&] { loop.run_forever(); }) == "system exit 5");
    loop.set_exception_handler({});
    CHECK_FALSE(static_cast<bool>(loop.get_exception_handler()));
}
