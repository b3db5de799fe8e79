#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/structure/staggered_race.hpp>
#include <aio/structure/timeout.hpp>

#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;

namespace {

using Attempt = std::function<Coro<std::string>()>;

/// What attempts do, each noted in a log: "+a" when it starts, "-a" when its frame has gone.
class Attempts {
public:
    Attempt give(std::string name, int after = 0) {
        return [this, name, after]() -> Coro<std::string> {
            const Noted noted(log, name);
            co_await rounds(after);
            co_return name;
        };
    }
    Attempt fail(std::string name, int after = 0) {
        return [this, name, after]() -> Coro<std::string> {
            const Noted noted(log, name);
            co_await rounds(after);
            throw std::runtime_error(name);
        };
    }
    Attempt hang(std::string name) {
        return [this, name]() -> Coro<std::string> {
            const Noted noted(log, name);
            co_await sleep(1h);
            co_return name;
        };
    }
    /// Takes its time to end when it is cancelled, and then gives a value all the same.
    Attempt stubborn(std::string name) {
        return [this, name]() -> Coro<std::string> {
            const Noted noted(log, name);
            static_cast<void>(co_await outcome(sleep(1h)));
            co_await rounds(8);
            co_return name;
        };
    }
    /// Takes its time to end when it is cancelled, and then fails.
    Attempt fail_in_cleanup(std::string name) {
        return [this, name]() -> Coro<std::string> {
            const Noted noted(log, name);
            static_cast<void>(co_await outcome(sleep(1h)));
            co_await rounds(8);
            throw std::runtime_error(name);
        };
    }
    std::string log;

private:
    class Noted {
    public:
        Noted(std::string& log, std::string name) : log_(log), name_(std::move(name)) {
            log_ += "+" + name_ + " ";
        }
        Noted(const Noted&) = delete;
        ~Noted() { log_ += "-" + name_ + " "; }

    private:
        std::string& log_;
        std::string name_;
    };
};

template <class T>
std::string text(const RaceResult<T>& result) {
    std::string all = result.winner ? *result.winner : "nobody";
    all += result.winner_index ? " (" + std::to_string(*result.winner_index) + ")" : "";
    for (const std::exception_ptr& error : result.exceptions) all += " " + text_of(error);
    return all;
}

} // namespace

TEST_CASE("rule 55: the first attempt that succeeds wins, and later ones are not started") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Attempts a;
        const std::vector<Attempt> attempts{a.give("one", 2), a.give("two")};
        const auto result = co_await staggered_race(attempts, 1h);
        CHECK(text(result) == "one (0) none");
        CHECK(a.log == "+one -one ");
    });
}

TEST_CASE("rule 55: the next attempt starts when the one before it has failed") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Attempts a;
        const std::vector<Attempt> attempts{a.fail("one"), a.fail("two", 2), a.give("three"), a.give("four")};
        SUBCASE("with a delay") {
            const auto result = co_await staggered_race(attempts, 1h);
            CHECK(text(result) == "three (2) one two none");
        }
        SUBCASE("without") {
            const auto result = co_await staggered_race(attempts, std::nullopt);
            CHECK(text(result) == "three (2) one two none");
        }
        CHECK(a.log == "+one -one +two -two +three -three ");
    });
}

TEST_CASE("rule 55: the next attempt starts after the delay; the losers are cancelled and joined") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Attempts a;
        const std::vector<Attempt> attempts{a.hang("one"), a.stubborn("two"), a.give("three"),
                                            a.give("four")};
        const auto result = co_await staggered_race(attempts, 1ms);
        CHECK(text(result) == "three (2) cancelled none none");
        CHECK(a.log == "+one +two +three -three -one -two ");
        CHECK(current_task().cancelling() == 0);
        CHECK(co_await outcome(sleep(0s)) == "value");
    });
}

TEST_CASE("rule 55: without a delay a slow attempt is waited for") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Attempts a;
        const std::vector<Attempt> attempts{a.give("one", 20), a.give("two")};
        const auto result = co_await staggered_race(attempts, std::nullopt);
        CHECK(text(result) == "one (0) none");
    });
}

TEST_CASE("rule 55: only the failure of the latest attempt starts the next, or its delay") {
    run_in_loop([](EventLoop& loop, testing::VirtualClock& clock) -> Coro<> {
        Attempts a;
        Future<std::string> first = loop.create_future<std::string>();
        const Attempt waits = [&]() -> Coro<std::string> { co_return co_await first; };
        const std::vector<Attempt> attempts{waits, a.hang("two"), a.give("three")};
        Task<RaceResult<std::string>> task = loop.create_task(staggered_race(attempts, 1s));
        co_await rounds(6);
        CHECK(a.log.empty());
        clock.advance(1s);
        co_await rounds(6);
        CHECK(a.log == "+two ");
        first.set_exception(std::runtime_error("one"));
        co_await rounds(6);
        CHECK(a.log == "+two ");
        clock.advance(1s);
        const auto result = co_await task;
        CHECK(text(result) == "three (2) one cancelled none");
    });
}

TEST_CASE("rule 55: nobody has won: no winner, and the exceptions of all") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Attempts a;
        const std::vector<Attempt> attempts{a.fail("one", 1), a.fail("two")};
        const auto result = co_await staggered_race(attempts, 1h);
        CHECK_FALSE(result.winner);
        CHECK_FALSE(result.winner_index);
        CHECK(text(result) == "nobody one two");
        const auto none = co_await staggered_race(std::vector<Attempt>(), 1h);
        CHECK(text(none) == "nobody");
    });
}

TEST_CASE("rule 55: a function that throws before it gives a coroutine has failed") {
    run_in_loop([](EventLoop&) -> Coro<> {
        Attempts a;
        const Attempt throws = []() -> Coro<std::string> { throw std::runtime_error("plain"); };
        const std::vector<Attempt> attempts{throws, a.give("two")};
        const auto result = co_await staggered_race(attempts, 1h);
        CHECK(text(result) == "two (1) plain none");
    });
}

TEST_CASE("rule 55: cancelling a race cancels all attempts and waits for them") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Attempts a;
        const std::vector<Attempt> attempts{a.hang("one"), a.fail_in_cleanup("two"), a.hang("three")};
        Task<RaceResult<std::string>> task = loop.create_task(staggered_race(attempts, 0s));
        while (a.log != "+one +two +three ") co_await sleep(0s);
        task.cancel("enough");
        CHECK(co_await outcome(task) == "cancelled: enough");
        CHECK(a.log == "+one +two +three -one -three -two ");
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("rule 55, rule 8: a cancellation that comes when there is a winner does not lose it") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        Attempts a;
        const std::vector<Attempt> attempts{a.stubborn("slow"), a.give("winner")};
        std::string next;
        const auto race = [&]() -> Coro<std::string> {
            const auto result = co_await staggered_race(attempts, 0s);
            next = co_await outcome(sleep(0s));
            co_return text(result);
        };
        Task<std::string> task = loop.create_task(race());
        while (a.log.find("-winner") == std::string::npos) co_await sleep(0s);
        co_await rounds(2);
        CHECK_FALSE(task.done());
        task.cancel("late");
        CHECK(co_await task == "winner (1) none none");
        CHECK(next == "cancelled: late");
        CHECK(task.cancelling() == 1);
    });
}

TEST_CASE("rule 55: a race inside a timeout ends with it") {
    run_in_loop([](EventLoop& loop, testing::VirtualClock& clock) -> Coro<> {
        Attempts a;
        std::vector<Attempt> attempts{a.hang("one")};
        const auto body = [&](Timeout&) { return staggered_race(attempts, 0s); };
        SUBCASE("as a TimeoutError") {
            attempts.push_back(a.fail_in_cleanup("two"));
            Task<RaceResult<std::string>> task = loop.create_task(with_timeout(1min, body));
            co_await rounds(10);
            clock.advance(1min);
            CHECK(co_await outcome(task) == "timeout");
            CHECK(task.cancelling() == 0);
        }
        SUBCASE("unless an attempt answers the cancellation with a value") {
            attempts.push_back(a.stubborn("two"));
            std::string next;
            const auto race = [&]() -> Coro<std::string> {
                const auto result = co_await with_timeout(1min, body);
                next = co_await outcome(sleep(0s));
                co_return text(result);
            };
            Task<std::string> task = loop.create_task(race());
            co_await rounds(10);
            clock.advance(1min);
            CHECK(co_await task == "two (1) cancelled none");
            CHECK(next == "value");
            CHECK(task.cancelling() == 0);
        }
        CHECK(a.log == "+one +two -one -two ");
    });
}

TEST_CASE("rule 55: a BaseError of an attempt leaves the run call, and the race throws it alone") {
    TestLoop test;
    Attempts a;
    const Attempt exits = []() -> Coro<std::string> {
        throw SystemExit(4);
        co_return "";
    };
    const std::vector<Attempt> attempts{a.hang("one"), exits};
    Task<RaceResult<std::string>> task = test.loop.create_task(staggered_race(attempts, 0s));
    CHECK(thrown_by([&] { static_cast<void>(test.loop.run_until_complete(task)); }) == "system exit 4");
    CHECK_FALSE(task.done());
    CHECK(thrown_by([&] { static_cast<void>(test.loop.run_until_complete(task)); }) == "system exit 4");
    CHECK(a.log == "+one -one ");
    CHECK(test.reports.empty());
}

TEST_CASE("rule 55: a loop that closes destroys the attempts of a race, and starts no more") {
    Attempts a;
    const std::vector<Attempt> attempts{a.hang("one"), a.fail_in_cleanup("two"), a.hang("three")};
    const auto close_when = [&](std::string log, Duration delay) {
        TestLoop test;
        const auto look = [&]() -> Coro<> {
            while (a.log != log) co_await sleep(0s);
        };
        const Task<RaceResult<std::string>> task = test.loop.create_task(staggered_race(attempts, delay));
        test.loop.run_until_complete(look());
        test.loop.close();
        CHECK(task.cancelled());
    };
    SUBCASE("while it waits for the delay") {
        close_when("+one ", 1h);
        CHECK(a.log == "+one -one ");
    }
    SUBCASE("when all have started") {
        close_when("+one +two +three ", 0s);
        CHECK(a.log.size() == std::string("+one +two +three -one -two -three ").size());
    }
}

TEST_CASE("rule 55: functions of several types, with results that cannot be copied, and with none") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const auto bad = []() -> Coro<std::unique_ptr<int>> {
            throw std::runtime_error("bad");
            co_return nullptr;
        };
        auto good = [captured = std::make_unique<int>(5)]() mutable -> Coro<std::unique_ptr<int>> {
            co_await rounds(1);
            co_return std::move(captured);
        };
        auto race = staggered_race(1h, bad, std::move(good));
        const auto result = co_await std::move(race);
        CHECK(**result.winner == 5);
        CHECK(result.winner_index == 1u);
        const auto nothing = []() -> Coro<> { co_await rounds(1); };
        const auto voids = co_await staggered_race(std::nullopt, nothing);
        CHECK(voids.winner.has_value());
    });
}
