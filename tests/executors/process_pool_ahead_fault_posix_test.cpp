// What must not happen to calls that a busy worker has been given already: to be lost, to run twice, to wait
// for ever, to escape a stop.

#include "process_ahead_help_posix.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <aio/executors/wrap_future.hpp>
#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using processes::Busy;
using processes::note;
using processes::notes;
using processes::pid;
using processes::wait_for_file;

namespace {

void sleep_for_a_millisecond() { ::usleep(1000); }

int wait_for_stop(const std::string& begun) {
    processes::touch(begun);
    while (!aio::worker_task().stop_requested()) ::usleep(500);
    return 1;
}
void ignore_stop(const std::string& begun) {
    processes::touch(begun);
    for (;;) ::pause();
}

/// Puts something else in the place of all its files.
int replace_files() {
    int last = 3;
    for (int file = 3; file < 1024; ++file)
        if (::close(file) == 0) last = file;
    while (::open("/dev/null", O_RDWR) < last) {
    }
    return 1;
}

int fork_one_that_asks_for_a_stop(const std::string& asked) {
    const pid_t child = ::fork();
    if (child == 0) {
        for (int i = 0; i < 20; ++i)
            if (aio::worker_task().stop_requested()) ::_exit(1);
        processes::touch(asked);
        ::usleep(100'000);
        ::_exit(aio::worker_task().stop_requested() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

/// The lines of this process's memory map that say `what`.
std::vector<std::string> mapped(const std::string& what) {
    std::ifstream file("/proc/self/maps");
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);)
        if (line.find(what) != std::string::npos) lines.push_back(line);
    return lines;
}
void overwrite_marks_and_stay(const std::string& begun) {
    for (const std::string& line : mapped("aio-calls")) {
        auto* const memory = reinterpret_cast<char*>(std::strtoull(line.c_str(), nullptr, 16));
        std::memset(memory, 0x55, 4096);
    }
    ignore_stop(begun);
}

} // namespace

TEST_CASE("rule 100: a call that has begun unnoticed is stopped when it is cancelled") {
    for (const bool listens : {true, false}) {
        CAPTURE(listens);
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            Busy busy(aio::ProcessPoolOptions().stop_grace(listens ? 1h : 50ms).kill_grace(1h));
            co_await busy.begin();
            const int worker = busy.pool.worker_pids().at(0);
            const std::string begun = busy.folder.file("second");
            aio::Future<> call = aio::get_running_loop().run_in_executor(
                busy.pool,
                [](const std::string& path, bool stops) {
                    if (stops)
                        wait_for_stop(path);
                    else
                        ignore_stop(path);
                },
                begun, listens);
            busy.end();
            static_cast<void>(processes::block_until([&] { return std::filesystem::exists(begun); }));
            co_await processes::appearance(begun);
            CHECK(call.cancel());
            const int next = co_await aio::get_running_loop().run_in_executor(busy.pool, pid);
            CHECK((next == worker) == listens);
            CHECK(busy.pool.statistics().stopped == 1);
        }));
    }
}

TEST_CASE("process pool: what a worker has begun before it is lost does not run twice") {
    for (const bool writes : {true, false}) {
        CAPTURE(writes);
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            Busy busy;
            co_await busy.begin();
            const auto bad =
                writes ? busy.pool.submit(processes::write_garbage) : busy.pool.submit(replace_files);
            const auto begun = busy.pool.submit(processes::note_slowly, busy.list(), 7, 100);
            const auto waiting = busy.pool.submit(note, busy.list(), 8);
            busy.end();
            const bool seen = processes::block_until([&] { return !busy.noted().empty(); });
            co_await busy.first;
            const bool bad_crashed = co_await processes::crashes(bad);
            CHECK(bad_crashed);
            // Unless it was not there yet: then it has run in another worker.
            const bool begun_crashed = co_await processes::crashes(begun);
            const int number = co_await aio::wrap_future(waiting);
            CHECK(number == 8);
            // One that was lost in the instant in which it began has noted nothing.
            if (seen || !begun_crashed)
                CHECK(busy.noted() == std::vector<int>{7, 8});
            else
                CHECK(busy.noted().back() == 8);
            CHECK(busy.pool.statistics().crashed == (begun_crashed ? 2 : 1));
        }));
    }
}

TEST_CASE("process pool: what a call has forked does not take the calls that its worker is to make") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        const std::string asked = busy.folder.file("asked");
        const auto forking = busy.pool.submit(fork_one_that_asks_for_a_stop, asked);
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 4; ++i) calls.push_back(busy.pool.submit(note, busy.list(), i));
        busy.end();
        co_await processes::appearance(asked);
        for (int i = 4; i < 8; ++i) calls.push_back(busy.pool.submit(note, busy.list(), i));
        const int status = co_await aio::wrap_future(forking);
        CHECK(status == 0);
        for (const auto& call : calls) static_cast<void>(co_await aio::wrap_future(call));
        CHECK(busy.noted() == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
    }));
}

TEST_CASE("process pool: a forked copy of the program does not take back its calls") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        Busy busy;
        co_await busy.begin();
        aio::ConcurrentFuture<int> call = busy.pool.submit(note, busy.list(), 1);
        CHECK(processes::in_child([&] {
                  static_cast<void>(call.cancel());
                  return 0;
              }) == 0);
        busy.end();
        const int number = co_await aio::wrap_future(call);
        CHECK(number == 1);
    }));
}

TEST_CASE("process pool: a call behind a long one does not wait while others go past it all the time") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(2);
        co_await processes::make_quick(pool, 2);
        auto longer = loop.run_in_executor(pool, wait_for_file, folder.file("begun"), folder.file("end"));
        co_await processes::appearance(folder.file("begun"));
        std::vector<aio::ConcurrentFuture<>> calls;
        const auto submit_up_to_64 = [&] {
            const auto under_way =
                std::ranges::count_if(calls, [](const auto& call) { return !call.done(); });
            for (auto i = under_way; i < 64; ++i) calls.push_back(pool.submit(sleep_for_a_millisecond));
        };
        submit_up_to_64();
        const auto first_are_done = [&] {
            return std::all_of(calls.begin(), calls.begin() + 64,
                               [](const auto& call) { return call.done(); });
        };
        while (!first_are_done()) {
            submit_up_to_64();
            co_await aio::sleep(2ms);
        }
        CHECK_FALSE(longer.done());
        processes::touch(folder.file("end"));
        co_await longer;
        for (const auto& call : calls) co_await aio::wrap_future(call);
    }));
}

TEST_CASE("process pool: what waits behind long calls goes to an idle worker, in the order of coming") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(3);
        co_await processes::make_quick(pool, 3);
        std::vector<aio::ConcurrentFuture<>> longer;
        for (const std::string name : {"a", "b", "c"})
            longer.push_back(
                pool.submit(wait_for_file, folder.file(name), folder.file(name == "c" ? "free" : "end")));
        for (const std::string name : {"a", "b", "c"}) co_await processes::appearance(folder.file(name));
        std::vector<aio::ConcurrentFuture<int>> calls;
        constexpr int count = 40;
        for (int i = 0; i < count; ++i)
            calls.push_back(pool.submit(processes::note_slowly, folder.file("list"), i, 6));
        processes::touch(folder.file("free"));
        for (const auto& call : calls) static_cast<void>(co_await aio::wrap_future(call));
        // But for the few that the free one had been given already.
        const std::vector<int> order = notes(folder.file("list"));
        REQUIRE(order.size() == count);
        for (int place = 0; place < count; ++place) {
            CAPTURE(place);
            CHECK(std::abs(order[static_cast<std::size_t>(place)] - place) <= 24);
        }
        processes::touch(folder.file("end"));
        for (const auto& call : longer) co_await aio::wrap_future(call);
    }));
}

TEST_CASE("process pool: an urgent call that is repeated comes before those that wait in a worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(2).initializer(
            processes::start_when_allowed, folder.file("hold"), folder.file("go")));
        co_await processes::make_quick(pool, 2);
        const auto longer = pool.submit(wait_for_file, folder.file("longer"), folder.file("end"));
        co_await processes::appearance(folder.file("longer"));
        const auto urgent = pool.submit(aio::ProcessCallOptions().priority(1).retries(1), processes::die_once,
                                        folder.file("urgent"), folder.file("die"), folder.file("list"));
        co_await processes::appearance(folder.file("urgent"));
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 5; ++i) calls.push_back(pool.submit(note, folder.file("list"), i));
        processes::touch(folder.file("hold"));
        processes::touch(folder.file("die"));
        while (pool.statistics().retried == 0) co_await aio::sleep(1ms);
        processes::touch(folder.file("end"));
        static_cast<void>(co_await aio::wrap_future(urgent));
        processes::touch(folder.file("go"));
        co_await aio::wrap_future(longer);
        for (const auto& call : calls) static_cast<void>(co_await aio::wrap_future(call));
        const std::vector<int> order = notes(folder.file("list"));
        REQUIRE(order.size() == 6);
        CHECK(order[0] == 100);
    }));
}

#ifdef __linux__

TEST_CASE("process pool: futures that are kept do not keep the memory of workers that have gone") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).max_tasks_per_child(4));
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 60; ++i) calls.push_back(pool.submit(pid));
        for (const auto& call : calls) static_cast<void>(co_await aio::wrap_future(call));
        // That of one which comes and of one which goes.
        CHECK(mapped("aio-calls").size() <= 3);
    }));
}

TEST_CASE("process pool: a call that overwrites the marks of the others can still be ended") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(1).stop_grace(10ms).kill_grace(10ms));
        processes::Folder folder;
        co_await processes::make_quick(pool, 1);
        const int worker = pool.worker_pids().at(0);
        aio::Future<> rogue = loop.run_in_executor(pool, overwrite_marks_and_stay, folder.file("begun"));
        std::vector<aio::ConcurrentFuture<int>> calls;
        for (int i = 0; i < 4; ++i) calls.push_back(pool.submit(pid));
        co_await processes::appearance(folder.file("begun"));
        CHECK(rogue.cancel());
        // Of those that the worker had been given, nobody can tell any more that they have not begun.
        for (const auto& call : calls) {
            const bool crashed = co_await processes::crashes(call);
            CHECK((crashed || call.result() != worker));
        }
        const int next = co_await loop.run_in_executor(pool, pid);
        CHECK(next != worker);
    }));
}

#endif
