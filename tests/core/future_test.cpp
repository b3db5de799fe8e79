#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/shield.hpp>
#include <aio/structure/task_group.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

int free_callback_calls = 0;
void free_callback() { ++free_callback_calls; }
void other_free_callback() {}

Coro<int> give(int n) { co_return n; }
Coro<> fail(const char* what) {
    throw std::runtime_error(what);
    co_return;
}

/// Awaits and notes the round in which it goes on.
template <class A>
Coro<> note_round(A awaitable, const RoundCounter& rounds, int& resumed) {
    static_cast<void>(co_await std::move(awaitable));
    resumed = rounds.now();
}

} // namespace

TEST_CASE("rule 1: a future ends once, and nothing changes it afterwards") {
    TestLoop test;
    SUBCASE("with a result") {
        Future<int> future = test.loop.create_future<int>();
        CHECK_FALSE(future.done());
        future.set_result(1);
        CHECK(future.done());
        CHECK_THROWS_AS(future.set_result(2), InvalidStateError);
        CHECK_THROWS_AS(future.set_exception(std::runtime_error("late")), InvalidStateError);
        CHECK_FALSE(future.cancel("late"));
        CHECK_FALSE(future.cancelled());
        CHECK(future.result() == 1);
    }
    SUBCASE("with an exception") {
        Future<> future = test.loop.create_future();
        future.set_exception(std::runtime_error("bad"));
        CHECK_THROWS_AS(future.set_result(), InvalidStateError);
        CHECK_FALSE(future.cancel());
        CHECK(text_of(future.exception()) == "bad");
    }
    SUBCASE("with a cancellation") {
        Future<> future = test.loop.create_future();
        CHECK(future.cancel("why"));
        CHECK(future.done());
        CHECK(future.cancelled());
        CHECK_FALSE(future.cancel("again"));
        CHECK_THROWS_AS(future.set_result(), InvalidStateError);
        CHECK(thrown_by([&] { future.result(); }) == "cancelled: why");
    }
    CHECK(test.reports.empty());
}

TEST_CASE(
    "rule 2: callbacks are queued in the order of registration, never called by whoever sets the result") {
    TestLoop test;
    std::string order;
    Future<int> future = test.loop.create_future<int>();
    future.add_done_callback([&](const Future<int>& f) { order += "a" + std::to_string(f.result()); });
    future.add_done_callback([&] {
        order += "b";
        future.add_done_callback([&] { order += "d"; });
    });
    test.loop.call_soon([&] {
        future.set_result(7);
        order += "set ";
        future.add_done_callback([&] { order += "c"; });
        CHECK(order == "set ");
        test.loop.call_soon([&] { test.loop.call_soon([&] { test.loop.stop(); }); });
    });
    test.loop.run_forever();
    CHECK(order == "set a7bcd");
}

TEST_CASE("rule 2: removing a callback removes all that are equal, and says how many") {
    TestLoop test;
    free_callback_calls = 0;
    Future<> future = test.loop.create_future();
    future.add_done_callback(free_callback);
    future.add_done_callback(other_free_callback);
    future.add_done_callback(free_callback);
    CHECK(future.remove_done_callback(free_callback) == 2);
    CHECK(future.remove_done_callback(free_callback) == 0);
    future.add_done_callback(free_callback);
    future.set_result();
    CHECK(future.remove_done_callback(free_callback) == 0);
    test.loop.run_until_complete(rounds(2));
    CHECK(free_callback_calls == 1);
}

TEST_CASE("rule 2: a callback that throws is reported and does not keep the others from running") {
    TestLoop test;
    bool second = false;
    Future<> future = test.loop.create_future();
    future.add_done_callback([] { throw std::runtime_error("callback"); });
    future.add_done_callback([&] { second = true; });
    future.set_result();
    test.loop.run_until_complete(rounds(2));
    CHECK(second);
    REQUIRE(test.reports.size() == 1);
    CHECK(test.reports[0] == "Exception in callback: callback");
}

TEST_CASE("rule 2: waiters of one future go on in the order in which they came") {
    std::string order;
    run_in_loop([&](EventLoop& loop) -> Coro<> {
        Future<> future = loop.create_future();
        const auto wait = [&](char name) -> Coro<> {
            co_await future;
            order += name;
        };
        const Task<> a = loop.create_task(wait('a'));
        const Task<> b = loop.create_task(wait('b'));
        const Task<> c = loop.create_task(wait('c'));
        co_await rounds(1);
        future.set_result();
        co_await c;
    });
    CHECK(order == "abc");
}

TEST_CASE("rule 3: how many rounds pass between an end and those who wait for it") {
    TestLoop test;
    EventLoop& loop = test.loop;
    const RoundCounter counter(loop);
    int resumed = 0;
    int completed = 0;
    Future<int> future = loop.create_future<int>();
    const auto set_later = [&]() -> Coro<> {
        co_await rounds(4);
        future.set_result(1);
        completed = counter.now();
    };
    const auto after_setting = [&](auto awaitable) {
        const Task<> setting = loop.create_task(set_later());
        loop.run_until_complete(note_round(std::move(awaitable), counter, resumed));
        return resumed - completed;
    };
    SUBCASE("a future: 1") { CHECK(after_setting(future) == 1); }
    SUBCASE("a task that waits for the future: 1 and 1") {
        const auto wait = [&]() -> Coro<int> { co_return co_await future; };
        CHECK(after_setting(loop.create_task(wait())) == 2);
    }
    SUBCASE("gather: 2") { CHECK(after_setting(gather(future, future)) == 2); }
    SUBCASE("shield: 2") { CHECK(after_setting(shield(future)) == 2); }
    SUBCASE("the end of a task group: 2 after its last task") {
        const auto child = [&]() -> Coro<> {
            static_cast<void>(co_await future);
            completed = counter.now();
        };
        const auto body = [&](TaskGroup& group) -> Coro<int> {
            group.create_task(child());
            co_return 0;
        };
        CHECK(after_setting(with_task_group(body)) == 2);
    }
}

TEST_CASE("rule 3: what needs no waiting does not give way") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const RoundCounter counter(loop);
        co_await rounds(1);
        const int before = counter.now();
        Future<int> done = loop.create_future<int>();
        done.set_result(5);
        const int from_future = co_await done;
        const int from_coro = co_await give(6);
        CHECK(from_future == 5);
        CHECK(from_coro == 6);
        CHECK(counter.now() == before);
        co_await sleep(0s);
        CHECK(counter.now() == before + 1);
    });
}

TEST_CASE("rule 4: what result() says in each state") {
    TestLoop test;
    Future<int> future = test.loop.create_future<int>();
    CHECK_THROWS_AS(static_cast<void>(future.result()), InvalidStateError);
    CHECK_THROWS_AS(static_cast<void>(future.exception()), InvalidStateError);
    SUBCASE("cancelled") {
        future.cancel();
        CHECK(thrown_by([&] { static_cast<void>(future.result()); }) == "cancelled");
        CHECK(thrown_by([&] { static_cast<void>(future.exception()); }) == "cancelled");
    }
    SUBCASE("failed: the same exception each time") {
        future.set_exception(std::runtime_error("bad"));
        const auto address = [&]() -> const void* {
            try {
                static_cast<void>(future.result());
            } catch (const std::runtime_error& e) {
                return &e;
            }
            return nullptr;
        };
        const void* const first = address();
        CHECK(first != nullptr);
        CHECK(address() == first);
    }
    SUBCASE("finished") {
        future.set_result(3);
        CHECK(future.result() == 3);
        CHECK(future.exception() == nullptr);
    }
}

TEST_CASE("rule 16: the future of another loop, and oneself, cannot be awaited") {
    TestLoop other;
    TestLoop test;
    Future<> foreign = other.loop.create_future();
    Task<std::string> self;
    const auto wait_for_self = [&]() -> Coro<std::string> { co_return co_await outcome(self); };
    const std::string text = test.loop.run_until_complete(outcome(foreign));
    CHECK(text.find("different loop") != std::string::npos);
    self = test.loop.create_task(wait_for_self(), "narcissus");
    const std::string own = test.loop.run_until_complete(self);
    CHECK(own.find("cannot await on itself") != std::string::npos);
    CHECK(own.find("narcissus") != std::string::npos);
    // Nobody is left behind in the other future.
    foreign.set_result();
    CHECK(test.reports.empty());
}

TEST_CASE("rule 17: an exception that nobody has asked for is reported when its future dies") {
    TestLoop test;
    SUBCASE("of a future") {
        Future<> future = test.loop.create_future();
        future.set_exception(std::runtime_error("lost"));
        CHECK(test.reports.empty());
        future = Future<>();
        REQUIRE(test.reports.size() == 1);
        CHECK(test.reports[0] == "Future exception was never retrieved: lost");
    }
    SUBCASE("of a task, with its name") {
        test.loop.create_task(fail("lost"), "bob");
        test.loop.run_until_complete(rounds(2));
        REQUIRE(test.reports.size() == 1);
        CHECK(test.reports[0] == "Task exception was never retrieved (bob): lost");
    }
    SUBCASE("not when it was thrown to a caller, asked for, awaited, or the future cancelled in vain") {
        for (int how = 0; how < 4; ++how) {
            Future<> future = test.loop.create_future();
            future.set_exception(std::runtime_error("found"));
            if (how == 0) CHECK(thrown_by([&] { future.result(); }) == "found");
            if (how == 1) CHECK(text_of(future.exception()) == "found");
            if (how == 2) CHECK(test.loop.run_until_complete(outcome(future)) == "found");
            if (how == 3) CHECK_FALSE(future.cancel());
        }
        CHECK(test.reports.empty());
    }
    SUBCASE("not of a task that was cancelled in vain") {
        Task<> task = test.loop.create_task(fail("x"));
        test.loop.run_until_complete(rounds(2));
        CHECK_FALSE(task.cancel());
        task = Task<>();
        CHECK(test.reports.empty());
    }
    SUBCASE("after its loop is gone: still no crash") {
        auto doomed = std::make_unique<TestLoop>();
        Future<> future = doomed->loop.create_future();
        future.set_exception(std::runtime_error("an orphan of a test: this line is expected"));
        doomed.reset();
    }
}

TEST_CASE("rule 17: a task that is destroyed while pending is reported by name") {
    std::vector<std::string> reports;
    int alive = 0;
    {
        TestLoop test;
        const auto wait = [](Tracer) -> Coro<> { co_await sleep(1h); };
        const Task<> task = test.loop.create_task(wait(Tracer(alive)), "bob");
        test.loop.run_until_complete(rounds(2));
        test.loop.close();
        CHECK(task.cancelled());
        reports = test.reports;
    }
    CHECK(alive == 0);
    REQUIRE(reports.size() == 1);
    CHECK(reports[0] == "Task was destroyed but it is pending! (bob)");
}

TEST_CASE("a pending future that everybody has dropped takes its callbacks with it") {
    TestLoop test;
    int alive = 0;
    {
        Future<int> future = test.loop.create_future<int>();
        future.add_done_callback([tracer = Tracer(alive)] {});
        future.add_done_callback([tracer = Tracer(alive)](const Future<int>&) {});
        CHECK(alive == 2);
    }
    CHECK(alive == 0);
}

TEST_CASE("move-only results and references pass through futures and tasks") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        const auto make = []() -> Coro<std::unique_ptr<int>> { co_return std::make_unique<int>(4); };
        Task<std::unique_ptr<int>> task = loop.create_task(make());
        const std::unique_ptr<int> mine = co_await std::move(task);
        CHECK(*mine == 4);

        Future<std::unique_ptr<int>> future = loop.create_future<std::unique_ptr<int>>();
        future.set_result(std::make_unique<int>(5));
        CHECK(*future.result() == 5);
        Future<std::unique_ptr<int>> same = future;
        const std::unique_ptr<int> taken = co_await std::move(future);
        CHECK(*taken == 5);
        const std::string second = co_await outcome(std::move(same));
        CHECK(second.find("moved out") != std::string::npos);

        int x = 1;
        const auto refer = [&]() -> Coro<int&> { co_return x; };
        int& from_task = co_await loop.create_task(refer());
        int& from_coro = co_await refer();
        CHECK(&from_task == &x);
        CHECK(&from_coro == &x);

        CHECK(&loop.create_task(refer(), TaskOptions().eager_start()).result() == &x);

        // A container of move-only elements claims that it can be copied.
        const auto make_many = []() -> Coro<std::vector<std::unique_ptr<int>>> {
            std::vector<std::unique_ptr<int>> many;
            many.push_back(std::make_unique<int>(6));
            co_return many;
        };
        const std::vector<std::unique_ptr<int>> many = co_await loop.create_task(make_many());
        CHECK(*many.at(0) == 6);

        // One of several readers must not have the value moved away under it.
        Future<std::string> text = loop.create_future<std::string>();
        text.set_result("a text that is too long for the small string optimisation");
        Future<std::string> copy = text;
        const std::string first_copy = co_await std::move(copy);
        CHECK(text.result() == first_copy);
    });
}

TEST_CASE(
    "the result of an awaited temporary is moved, and copied only while another handle could ask for it") {
    struct Counted {
        explicit Counted(int& count) : copies(&count) {}
        Counted(const Counted& other) : copies(other.copies) { ++*copies; }
        Counted(Counted&& other) noexcept = default;
        Counted& operator=(const Counted&) = delete;
        Counted& operator=(Counted&&) = delete;
        ~Counted() = default;
        int* copies;
    };
    run_in_loop([](EventLoop& loop) -> Coro<> {
        int copies = 0;
        const auto make = [&]() -> Coro<Counted> { co_return Counted(copies); };
        const auto make_future = [&] {
            Future<Counted> future = loop.create_future<Counted>();
            loop.call_soon([future, &copies]() mutable { future.set_result(Counted(copies)); });
            return future;
        };
        const Counted from_task = co_await loop.create_task(make());
        CHECK(from_task.copies == &copies);
        CHECK(copies == 0);
        Future<Counted> named = loop.create_future<Counted>();
        named.set_result(Counted(copies));
        const Counted taken = co_await std::move(named);
        CHECK(taken.copies == &copies);
        CHECK(copies == 0);
        CHECK_FALSE(static_cast<bool>(named)); // NOLINT(bugprone-use-after-move)

        Future<Counted> kept = make_future();
        Future<Counted> same = kept;
        const Counted one = co_await std::move(same);
        CHECK(one.copies == &copies);
        CHECK(copies == 1);
        const Counted another = co_await kept;
        CHECK(another.copies == &copies);
        CHECK(copies == 2);
        CHECK(kept.result().copies == &copies);
    });
}

TEST_CASE("handles that are misused say so") {
    TestLoop test;
    Future<int> empty;
    CHECK_FALSE(static_cast<bool>(empty));
    CHECK_THROWS_AS(static_cast<void>(empty.done()), InvalidStateError);
    CHECK_THROWS_AS(empty.cancel(), InvalidStateError);
    CHECK_THROWS_AS(static_cast<void>(Handle().get_context()), InvalidStateError);
    CHECK_THROWS_AS(static_cast<void>(TimerHandle().when()), InvalidStateError);
    Future<> future = test.loop.create_future();
    CHECK_THROWS_AS(future.set_exception(std::exception_ptr()), ValueError);
    CHECK_FALSE(future.done());

    Task<int> task = test.loop.create_task(give(1));
    Future<int> as_future = task;
    CHECK_THROWS_AS(as_future.set_result(2), RuntimeError);
    CHECK(test.loop.run_until_complete(as_future) == 1);

    Coro<int> coro = give(2);
    Coro<int> owner = std::move(coro);
    CHECK_FALSE(coro.valid()); // NOLINT(bugprone-use-after-move)
    CHECK_THROWS_AS(static_cast<void>(test.loop.create_task(std::move(coro))), RuntimeError);
    owner.close();
    CHECK_FALSE(owner.valid());
    const auto await_nothing = []() -> Coro<std::string> {
        Coro<int> first = give(3);
        const int n = co_await std::move(first);
        const std::string second = co_await outcome(std::move(first)); // NOLINT(bugprone-use-after-move)
        co_return std::to_string(n) + " " + second;
    };
    CHECK(test.loop.run_until_complete(await_nothing()) ==
          "3 this Coro has been awaited already (or moved from)");
}

TEST_CASE("a future outlives its loop: it can be read, and says that the loop is gone") {
    auto test = std::make_unique<TestLoop>();
    Future<int> finished = test->loop.create_future<int>();
    Future<int> pending = test->loop.create_future<int>();
    Future<int> watched = test->loop.create_future<int>();
    watched.add_done_callback([] { FAIL("called for a closed loop"); });
    finished.set_result(1);
    test->loop.close();
    CHECK_THROWS_AS(watched.set_result(2), RuntimeError);
    test.reset();
    CHECK(finished.result() == 1);
    CHECK_THROWS_AS(static_cast<void>(finished.get_loop()), RuntimeError);
    CHECK_THROWS_AS(finished.add_done_callback([] {}), RuntimeError);
    pending.set_result(3);
    CHECK(pending.result() == 3);
    CHECK_THROWS_AS(watched.set_result(2), RuntimeError);
}
