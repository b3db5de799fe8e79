// The ends of workers, calls and pools while calls wait in workers, or have begun there unnoticed.

#include "process_ahead_help_posix.hpp"

#include <unistd.h>

#include <aio/executors/wrap_future.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using processes::Busy;
using processes::note;
using processes::notes;
using processes::pid;
using processes::wait_for_file;

namespace {

/// Those that are being started as well.
std::uint64_t workers_of(const aio::ProcessPoolExecutor& pool) {
    const aio::ProcessPoolStatistics statistics = pool.statistics();
    return statistics.starting + statistics.idle + statistics.busy;
}

} // namespace

TEST_CASE("process pool: what waits behind a long call gets a new worker when another one has gone") {
    for (const bool killed : {true, false}) {
        CAPTURE(killed);
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            processes::Folder folder;
            aio::ProcessPoolExecutor pool(
                aio::ProcessPoolOptions().max_workers(2).stop_grace(10ms).kill_grace(10ms));
            co_await processes::make_quick(pool, 2);
            auto longer = loop.run_in_executor(pool, wait_for_file, folder.file("a"), folder.file("end"));
            co_await processes::appearance(folder.file("a"));
            // Has options, so that nothing waits behind it.
            auto other = pool.submit(
                aio::ProcessCallOptions().timeout(killed ? aio::Duration(1h) : aio::Duration(50ms)),
                processes::die_once, folder.file("b"), folder.file("die"), folder.file("list"));
            co_await processes::appearance(folder.file("b"));
            std::vector<aio::ConcurrentFuture<int>> calls;
            for (int i = 0; i < 3; ++i) calls.push_back(pool.submit(note, folder.file("list"), i));
            if (killed) processes::touch(folder.file("die"));
            bool failed = false;
            try {
                static_cast<void>(co_await aio::wrap_future(other));
            } catch (const std::exception&) {
                failed = true;
            }
            CHECK(failed);
            co_await processes::until(
                [&] { return std::ranges::all_of(calls, [](const auto& c) { return c.done(); }); });
            CHECK_FALSE(longer.done());
            processes::touch(folder.file("end"));
            co_await longer;
        }));
    }
}

TEST_CASE("process pool: a signal does not hit the next call that has begun, however busy the loop is") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy(aio::ProcessPoolOptions().stop_grace(1ms).kill_grace(1h));
        co_await busy.begin();
        const auto next = busy.pool.submit(processes::note_slowly, busy.list(), 7, 100);
        busy.end();
        static_cast<void>(processes::block_until([&] { return !busy.noted().empty(); }));
        CHECK(busy.first.cancel());
        for (int i = 0; i < 10; ++i) {
            ::usleep(3000);
            co_await aio::sleep(0s);
        }
        const bool crashed = co_await processes::crashes(next);
        CHECK_FALSE(crashed);
    }));
}

TEST_CASE("rule 100: a call that has begun in a worker that is lost cannot be cancelled any more") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        const auto bad = busy.pool.submit(processes::write_garbage);
        const auto begun = busy.pool.submit(processes::note_slowly, busy.list(), 7, 200);
        bool cancelled = false;
        bad.add_done_callback([&] { cancelled = begun.cancel(); });
        busy.end();
        static_cast<void>(processes::block_until([&] { return !busy.noted().empty(); }));
        co_await busy.first;
        const bool bad_crashed = co_await processes::crashes(bad);
        CHECK(bad_crashed);
        const std::vector<int> noted = busy.noted();
        CHECK_FALSE((cancelled && !noted.empty()));
        busy.pool.shutdown(false, true);
    }));
}

TEST_CASE(
    "process pool: a call that has begun unnoticed is not told as cancelled when its pool is destroyed") {
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        std::optional<aio::ConcurrentFuture<int>> begun;
        bool has_begun = false;
        {
            Busy busy;
            co_await busy.begin();
            begun = busy.pool.submit(processes::note_slowly, busy.list(), 7, 300);
            busy.end();
            has_begun = processes::block_until([&] { return !busy.noted().empty(); });
            // Without the loop: it has heard nothing.
        }
        CHECK((!has_begun || !begun->cancelled()));
    }));
}

TEST_CASE("process pool: no worker is started for calls that waited in one and are cancelled") {
    for (const int count : {3, 30}) {
        CAPTURE(count);
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            Busy busy;
            co_await busy.begin();
            std::vector<aio::ConcurrentFuture<int>> calls;
            for (int i = 0; i < count; ++i) calls.push_back(busy.pool.submit(note, busy.list(), i));
            for (const auto& call : calls) CHECK(call.cancel());
            ::kill(busy.pool.worker_pids().at(0), SIGKILL);
            bool crashed = false;
            try {
                co_await busy.first;
            } catch (const aio::WorkerCrashed&) {
                crashed = true;
            }
            CHECK(crashed);
            CHECK(workers_of(busy.pool) == 0);
            CHECK(busy.pool.statistics().queued == 0);
        }));
    }
}

TEST_CASE("process pool: cancelled calls bring no worker of their own") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(4));
        for (int i = 0; i < 3; ++i) CHECK(pool.submit(pid).cancel());
        static_cast<void>(co_await aio::wrap_future(pool.submit(pid)));
        CHECK(workers_of(pool) == 1);
    }));
}

TEST_CASE("rule 107: a pool with nothing but cancelled calls closes at once") {
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        processes::Folder folder;
        Busy busy(aio::ProcessPoolOptions().initializer(processes::start_when_allowed, folder.file("hold"),
                                                        folder.file("go")));
        co_await busy.begin();
        auto call = busy.pool.submit(note, busy.list(), 1);
        CHECK(call.cancel());
        processes::touch(folder.file("hold"));
        busy.pool.shutdown(false);
        ::kill(busy.pool.worker_pids().at(0), SIGKILL);
        bool crashed = false;
        try {
            co_await busy.first;
        } catch (const aio::WorkerCrashed&) {
            crashed = true;
        }
        CHECK(crashed);
        auto closed = busy.pool.wait_closed();
        co_await processes::until([&] { return closed.done(); });
        processes::touch(folder.file("go"));
        co_await closed;
    }));
}

TEST_CASE("process pool: a call that is repeated goes behind those that wait in a worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(2));
        co_await processes::make_quick(pool, 2);
        const auto longer = pool.submit(wait_for_file, folder.file("longer"), folder.file("end"));
        co_await processes::appearance(folder.file("longer"));
        const auto again = pool.submit(aio::ProcessCallOptions().retries(1), processes::die_once,
                                       folder.file("begun"), folder.file("die"), folder.file("list"));
        co_await processes::appearance(folder.file("begun"));
        // A worker that has been busy for so long is given nothing any more.
        co_await aio::sleep(20ms);
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 5; ++i) calls.push_back(pool.submit(note, folder.file("list"), i));
        processes::touch(folder.file("die"));
        static_cast<void>(co_await aio::wrap_future(again));
        for (const auto& call : calls) static_cast<void>(co_await aio::wrap_future(call));
        const std::vector<int> order = notes(folder.file("list"));
        REQUIRE(order.size() == 6);
        CHECK(order.back() == 100);
        processes::touch(folder.file("end"));
        co_await aio::wrap_future(longer);
    }));
}

TEST_CASE(
    "process pool: the oldest call does not wait behind later ones that a slow worker was given ahead") {
    for (const std::string freed : {"a", "b"})
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            processes::Folder folder;
            aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(2));
            co_await processes::make_quick(pool, 2);
            std::vector<aio::ConcurrentFuture<>> longer;
            for (const std::string name : {"a", "b"})
                longer.push_back(pool.submit(wait_for_file, folder.file(name), folder.file("end" + name)));
            for (const std::string name : {"a", "b"}) co_await processes::appearance(folder.file(name));
            std::vector<aio::ConcurrentFuture<int>> calls;
            for (int i = 0; i < 12; ++i)
                calls.push_back(pool.submit(processes::note_slowly, folder.file("list"), i, 20));
            processes::touch(folder.file("end" + freed));
            for (const auto& call : calls) static_cast<void>(co_await aio::wrap_future(call));
            const std::vector<int> order = notes(folder.file("list"));
            const auto place = std::ranges::find(order, 0) - order.begin();
            CHECK(place <= 3);
            processes::touch(folder.file(freed == "a" ? "endb" : "enda"));
            for (const auto& call : longer) co_await aio::wrap_future(call);
        }));
}

TEST_CASE("process pool: it can be destroyed in a callback of a call whose worker is lost") {
    for (const bool breaks : {false, true}) {
        CAPTURE(breaks);
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            auto busy = std::make_unique<Busy>(aio::ProcessPoolOptions().break_on_crash(breaks));
            co_await busy->begin();
            const auto bad = busy->pool.submit(processes::write_garbage);
            const auto begun = busy->pool.submit(processes::note_slowly, busy->list(), 7, 200);
            const auto waiting = busy->pool.submit(note, busy->list(), 8);
            aio::Future<> first = busy->first;
            bad.add_done_callback([&] { busy.reset(); });
            busy->end();
            static_cast<void>(processes::block_until([&] { return !busy->noted().empty(); }));
            co_await first;
            co_await processes::until([&] { return bad.done() && begun.done() && waiting.done(); });
            CHECK(!busy);
        }));
    }
}

TEST_CASE("process pool: it can be destroyed in a callback while several answers have come") {
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        auto busy = std::make_unique<Busy>();
        co_await busy->begin();
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 12; ++i) calls.push_back(busy->pool.submit(note, busy->list(), i));
        calls[2].add_done_callback([&] { busy.reset(); });
        busy->end();
        const bool several = processes::block_until([&] { return busy->noted().size() >= 5; });
        co_await processes::until(
            [&] { return std::ranges::all_of(calls, [](const auto& c) { return c.done(); }); });
        CHECK_FALSE((several && calls[3].cancelled()));
        CHECK(!busy);
    }));
}

TEST_CASE("process pool: callbacks may submit, cancel and stop calls") {
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        processes::Folder folder;
        const std::string list = folder.file("list");
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(3).stop_grace(1ms).kill_grace(5ms));
        co_await processes::make_quick(pool, 3);
        constexpr int count = 1500;
        std::mt19937 random(4712);
        std::vector<aio::ConcurrentFuture<int>> calls;
        calls.reserve(count);
        int depth = 0;
        std::function<void()> more = [&] {
            if (++depth > 20) {
                --depth;
                return;
            }
            for (int k = 0; k < 2 && calls.size() < count; ++k) {
                const int number = static_cast<int>(calls.size());
                const int sleeps = random() % 60 == 0 ? 4 : 0;
                calls.push_back(random() % 40 == 0
                                    ? pool.submit(aio::ProcessCallOptions().priority(1),
                                                  processes::note_slowly, list, number, sleeps)
                                    : pool.submit(processes::note_slowly, list, number, sleeps));
                calls.back().add_done_callback([&] { more(); });
            }
            const auto chosen = calls.size() - 1 - random() % std::min<std::size_t>(calls.size(), 40);
            if (random() % 4 == 0) static_cast<void>(calls[chosen].cancel());
            if (random() % 30 == 0) calls[chosen].request_stop();
            if (random() % 500 == 0) ::kill(pool.worker_pids().at(0), SIGKILL);
            --depth;
        };
        more();
        while (calls.size() < count || !std::ranges::all_of(calls, [](const auto& c) { return c.done(); })) {
            if (std::ranges::all_of(calls, [](const auto& c) { return c.done(); })) more();
            co_await aio::sleep(1ms);
        }
        std::map<int, int> runs;
        for (const int number : notes(list)) ++runs[number];
        for (int i = 0; i < count; ++i) {
            const auto& call = calls[static_cast<std::size_t>(i)];
            CAPTURE(i);
            if (call.cancelled())
                CHECK(runs[i] == 0);
            else if (call.exception())
                CHECK(runs[i] <= 1);
            else
                CHECK(runs[i] == 1);
        }
    }));
}
