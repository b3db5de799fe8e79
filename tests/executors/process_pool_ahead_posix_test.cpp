// Calls that a busy worker has been given already: to whoever looks from outside they wait in a queue.

#include "process_ahead_help_posix.hpp"

#include <unistd.h>

#include <aio/executors/concurrent_wait.hpp>
#include <aio/executors/wrap_future.hpp>
#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using processes::Busy;
using processes::note;
using processes::notes;
using processes::pid;
using processes::wait_for_file;

namespace {

int wait_for_stop(const std::string& begun, bool by_token) {
    processes::touch(begun);
    const std::stop_token token = by_token ? aio::worker_task().stop_token() : std::stop_token();
    while (by_token ? !token.stop_requested() : !aio::worker_task().stop_requested()) ::usleep(500);
    return 1;
}
bool asked() { return aio::worker_task().stop_requested(); }

} // namespace

TEST_CASE("process pool: a call that waits behind another in its worker goes to the first that is idle") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(2);
        // One of them stays busy.
        co_await processes::make_quick(pool, 2);
        auto longer = loop.run_in_executor(pool, wait_for_file, folder.file("begun"), folder.file("end"));
        co_await processes::appearance(folder.file("begun"));
        std::vector<aio::Future<int>> calls;
        for (int i = 0; i < 100; ++i)
            calls.push_back(loop.run_in_executor(pool, note, folder.file("list"), i));
        for (aio::Future<int>& call : calls) co_await call;
        CHECK_FALSE(longer.done());
        CHECK(notes(folder.file("list")).size() == 100);
        processes::touch(folder.file("end"));
        co_await longer;
    }));
}

TEST_CASE("process pool: calls begin in the order of their submission, with one worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        std::vector<aio::Future<int>> calls;
        std::vector<int> expected;
        for (int i = 0; i < 200; ++i) {
            calls.push_back(aio::get_running_loop().run_in_executor(busy.pool, note, busy.list(), i));
            expected.push_back(i);
        }
        CHECK(busy.pool.statistics().queued == 200);
        busy.end();
        for (aio::Future<int>& call : calls) co_await call;
        CHECK(busy.noted() == expected);
        CHECK(busy.pool.statistics().queued == 0);
    }));
}

TEST_CASE("rule 100: a call that waits behind another in its worker can be cancelled, and never runs") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 12; ++i) calls.push_back(busy.pool.submit(note, busy.list(), i));
        CHECK_FALSE(calls[0].running());
        SUBCASE("by the loop's thread") {
            for (const std::size_t i : {1U, 3U, 9U, 11U}) CHECK(calls[i].cancel());
        }
        SUBCASE("by another thread") {
            std::thread([&] {
                for (const std::size_t i : {1U, 3U, 9U, 11U}) CHECK(calls[i].cancel());
            }).join();
        }
        busy.end();
        for (const std::size_t i : {0U, 2U, 4U, 5U, 6U, 7U, 8U, 10U}) co_await aio::wrap_future(calls[i]);
        CHECK(busy.noted() == std::vector<int>{0, 2, 4, 5, 6, 7, 8, 10});
        CHECK(calls[1].cancelled());
    }));
}

TEST_CASE("process pool: a future that was completed by hand keeps its call from beginning") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        aio::ConcurrentFuture<int> call = busy.pool.submit(note, busy.list(), 1);
        const aio::ConcurrentFuture<int> last = busy.pool.submit(note, busy.list(), 2);
        call.set_result(17);
        busy.end();
        co_await aio::wrap_future(last);
        CHECK(call.result() == 17);
        // It may have been on its way already, but its result is dropped.
        CHECK(busy.noted().back() == 2);
    }));
}

TEST_CASE("process pool: of the calls in a worker that dies only the one that runs is lost") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        const int worker = busy.pool.worker_pids().at(0);
        std::vector<aio::Future<int>> calls;
        for (int i = 0; i < 20; ++i)
            calls.push_back(aio::get_running_loop().run_in_executor(busy.pool, note, busy.list(), i));
        // One that is cancelled then does not come back with the others.
        CHECK(calls[5].cancel());
        ::kill(worker, SIGKILL);
        bool crashed = false;
        try {
            co_await busy.first;
        } catch (const aio::WorkerCrashed& error) {
            crashed = error.pid() == worker;
        }
        CHECK(crashed);
        calls.erase(calls.begin() + 5);
        for (aio::Future<int>& call : calls) co_await call;
        const std::vector<int> noted = busy.noted();
        CHECK(noted.size() == 19);
        CHECK(std::ranges::is_sorted(noted));
        CHECK(busy.pool.statistics().crashed == 1);
    }));
}

TEST_CASE("process pool: calls that have been read together with one that kills its worker are not lost") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        Busy busy;
        co_await busy.begin();
        std::vector<aio::Future<int>> calls;
        for (int i = 0; i < 3; ++i) calls.push_back(loop.run_in_executor(busy.pool, note, busy.list(), i));
        auto deadly = loop.run_in_executor(busy.pool, [] { ::raise(SIGKILL); });
        for (int i = 3; i < 6; ++i) calls.push_back(loop.run_in_executor(busy.pool, note, busy.list(), i));
        busy.end();
        bool crashed = false;
        try {
            co_await deadly;
        } catch (const aio::WorkerCrashed&) {
            crashed = true;
        }
        CHECK(crashed);
        for (aio::Future<int>& call : calls) co_await call;
        CHECK(busy.noted() == std::vector<int>{0, 1, 2, 3, 4, 5});
    }));
}

TEST_CASE("process pool: a call of higher priority comes before those that wait in a worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        Busy busy;
        co_await busy.begin();
        std::vector<aio::Future<int>> calls;
        for (int i = 0; i < 12; ++i) calls.push_back(loop.run_in_executor(busy.pool, note, busy.list(), i));
        auto urgent =
            loop.run_in_executor(busy.pool, aio::ProcessCallOptions().priority(1), note, busy.list(), 100);
        auto idle =
            loop.run_in_executor(busy.pool, aio::ProcessCallOptions().priority(-1), note, busy.list(), 200);
        busy.end();
        co_await urgent;
        co_await idle;
        CHECK(busy.noted() == std::vector<int>{100, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 200});
    }));
}

TEST_CASE("rule 100: a call that runs hears that it is to stop, whatever waits behind it in its worker") {
    for (const bool by_token : {false, true}) {
        CAPTURE(by_token);
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            processes::Folder folder;
            aio::ProcessPoolExecutor pool(
                aio::ProcessPoolOptions().max_workers(1).stop_grace(1h).kill_grace(1h));
            co_await processes::make_quick(pool, 1);
            const int worker = co_await loop.run_in_executor(pool, pid);
            auto running = loop.run_in_executor(pool, wait_for_stop, folder.file("begun"), by_token);
            co_await processes::appearance(folder.file("begun"));
            std::vector<aio::Future<int>> calls;
            for (int i = 0; i < 12; ++i)
                calls.push_back(loop.run_in_executor(pool, note, folder.file("list"), i));
            auto last = loop.run_in_executor(pool, asked);
            CHECK(running.cancel());
            for (aio::Future<int>& call : calls) co_await call;
            // The wish was not theirs.
            const bool heard = co_await last;
            CHECK_FALSE(heard);
            CHECK(notes(folder.file("list")).size() == 12);
            const int same = co_await loop.run_in_executor(pool, pid);
            CHECK(same == worker);
        }));
    }
}

TEST_CASE("process pool: a signal for a call that does not stop does not hit those that wait behind it") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        Busy busy(aio::ProcessPoolOptions().stop_grace(1ms).kill_grace(1ms));
        co_await busy.begin();
        std::vector<aio::Future<int>> calls;
        for (int i = 0; i < 12; ++i) calls.push_back(loop.run_in_executor(busy.pool, note, busy.list(), i));
        CHECK(busy.first.cancel());
        for (aio::Future<int>& call : calls) co_await call;
        CHECK(busy.noted().size() == 12);
        CHECK(busy.pool.statistics().crashed == 0);
    }));
}

TEST_CASE("rule 107: a shutdown that cancels takes back what waits in a worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 12; ++i) calls.push_back(busy.pool.submit(note, busy.list(), i));
        busy.pool.shutdown(false, true);
        for (const auto& call : calls) CHECK(call.cancelled());
        busy.end();
        co_await busy.first;
        co_await busy.pool.wait_closed();
        CHECK(busy.noted().empty());
    }));
}

TEST_CASE("process pool: a worker that may answer so many calls is not given more") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).max_tasks_per_child(5));
        std::vector<aio::Future<int>> calls;
        for (int i = 0; i < 23; ++i) calls.push_back(aio::get_running_loop().run_in_executor(pool, pid));
        std::map<int, int> counts;
        for (aio::Future<int>& call : calls) {
            const int worker = co_await call;
            ++counts[worker];
        }
        CHECK(counts.size() == 5);
        for (const auto& [worker, count] : counts) CHECK(count <= 5);
    }));
}

TEST_CASE("process pool: what calls report and print belongs to them, however short they are") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).capture_output(true));
        std::vector<aio::CallRecord> records(20);
        std::vector<aio::Future<>> calls;
        for (std::size_t i = 0; i < records.size(); ++i)
            calls.push_back(loop.run_in_executor(
                pool, aio::ProcessCallOptions().record(records[i]),
                [](std::size_t number) { std::fprintf(stdout, "%zu\n", number); }, i));
        for (aio::Future<>& call : calls) co_await call;
        for (std::size_t i = 0; i < records.size(); ++i)
            CHECK(records[i].report().output == std::to_string(i) + "\n");
    }));
}

TEST_CASE(
    "process pool: under random cancellations and kills a call runs at most once, and what succeeds has "
    "run once") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        constexpr int count = 3000;
        processes::Folder folder;
        const std::string list = folder.file("list");
        std::mt19937 random(4711);
        aio::ProcessPoolExecutor pool(2);
        std::vector<aio::ConcurrentFuture<int>> calls;
        std::vector<bool> cancelled(count, false);
        for (int i = 0; i < count; ++i) {
            calls.push_back(pool.submit(note, list, i));
            const auto chosen = static_cast<std::size_t>(random() % calls.size());
            if (random() % 4 == 0 && !cancelled[chosen]) cancelled[chosen] = calls[chosen].cancel();
            if (random() % 300 == 0)
                for (const int worker : pool.worker_pids()) ::kill(worker, SIGKILL);
            if (random() % 8 == 0) co_await aio::sleep(0s);
        }
        co_await loop.run_in_executor(nullptr, [&] { static_cast<void>(aio::concurrent::wait(calls)); });
        std::map<int, int> runs;
        for (const int number : notes(list)) ++runs[number];
        int lost = 0;
        for (int i = 0; i < count; ++i) {
            const auto& call = calls[static_cast<std::size_t>(i)];
            CAPTURE(i);
            if (call.cancelled()) {
                CHECK(cancelled[static_cast<std::size_t>(i)]);
                CHECK(runs[i] == 0);
            } else if (call.exception()) {
                ++lost;
                CHECK(runs[i] <= 1);
            } else {
                CHECK(runs[i] == 1);
            }
        }
        CHECK(lost <= 2 * 30);
        CHECK(static_cast<std::uint64_t>(lost) == pool.statistics().crashed);
    }));
}
