#include "process_help_posix.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

int pid() { return ::getpid(); }
int square(int x) { return x * x; }

/// Set by initializers, in the workers alone.
int prepared = 0;

void prepare(int value) { prepared += value; }
int prepared_value() { return prepared; }

void leave_line(const std::string& path) { std::ofstream(path, std::ios::app) << ::getpid() << '\n'; }
void refuse(const std::string& path) {
    leave_line(path);
    throw std::runtime_error("no licence");
}
/// Fails as long as there are fewer lines than that in the file.
void refuse_until(const std::string& path, int count) {
    leave_line(path);
    std::ifstream file(path);
    int lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    if (lines < count) ::_exit(3);
}
void stay(std::string path) {
    leave_line(path);
    for (;;) ::pause();
}

struct Prepare {
    int value;
    void operator()() const { prepared = value; }
};

int lines_in(const std::string& path) {
    std::ifstream file(path);
    int lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
}

/// What the call throws, as "broken: ..." if the pool is; "nothing" if it does not.
template <class T>
aio::Coro<std::string> reason_of(aio::Future<T> future) {
    std::string text = "nothing";
    try {
        co_await future;
    } catch (const aio::BrokenProcessPool& error) {
        text = std::string("broken: ") + error.what();
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

aio::Coro<> until_workers(aio::ProcessPoolExecutor& pool, std::size_t count) {
    while (pool.worker_pids().size() != count) co_await aio::sleep(1ms);
}

} // namespace

TEST_CASE("process pool options: values that make no sense are refused, and named") {
    aio::ProcessPoolOptions options;
    CHECK_THROWS_WITH_AS(options.max_workers(0), "max_workers must be greater than 0, not 0",
                         aio::ValueError);
    CHECK_THROWS_AS(options.min_workers(-1), aio::ValueError);
    CHECK_THROWS_AS(options.idle_timeout(-1s), aio::ValueError);
    CHECK_THROWS_AS(options.max_tasks_per_child(0), aio::ValueError);
    CHECK_THROWS_AS(options.max_tasks_per_child(1, -1), aio::ValueError);
    CHECK_THROWS_AS(options.max_failed_starts(0), aio::ValueError);
    CHECK_THROWS_AS(options.start_timeout(0s), aio::ValueError);
    int (*const null)(int) = nullptr;
    CHECK_THROWS_AS(options.initializer(null, 1), aio::ValueError);
    CHECK_THROWS_WITH_AS(aio::ProcessPoolExecutor(aio::ProcessPoolOptions().max_workers(1).min_workers(2)),
                         "min_workers is 2, more than max_workers, 1", aio::ValueError);
}

TEST_CASE("rule 117: min_workers are there before the first call, and again after a death") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(3).min_workers(2));
        co_await until_workers(pool, 2);
        const int victim = pool.worker_pids().front();
        ::kill(victim, SIGKILL);
        const auto replaced = [&] {
            const std::vector<int> pids = pool.worker_pids();
            return pids.size() == 2 && pids[0] != victim && pids[1] != victim;
        };
        while (!replaced()) co_await aio::sleep(1ms);
        const int value = co_await aio::get_running_loop().run_in_executor(pool, square, 3);
        CHECK(value == 9);
        pool.shutdown(false);
        co_await pool.wait_closed();
        CHECK(pool.worker_pids().empty());
    }));
}

TEST_CASE("process pool: idle workers end after idle_timeout, down to min_workers, and come back for work") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(3).min_workers(1).idle_timeout(5ms));
        const auto meet = [](std::string own, std::string other) {
            processes::touch(own);
            while (!std::filesystem::exists(other)) ::usleep(500);
        };
        for (int round = 0; round < 2; ++round) {
            const std::string a = folder.file("a" + std::to_string(round));
            const std::string b = folder.file("b" + std::to_string(round));
            auto first = loop.run_in_executor(pool, meet, a, b);
            auto second = loop.run_in_executor(pool, meet, b, a);
            co_await first;
            co_await second;
            co_await until_workers(pool, 1);
        }
        const int worker = pool.worker_pids().front();
        co_await aio::sleep(20ms);
        CHECK(processes::exists(worker));
    }));
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).idle_timeout(0s));
        const int first = co_await loop.run_in_executor(pool, pid);
        co_await until_workers(pool, 0);
        const int second = co_await loop.run_in_executor(pool, pid);
        CHECK(first != second);
    }));
}

TEST_CASE("rule 114: the initializer has run, once, before the first call of each worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).initializer(prepare, 5));
        for (int round = 0; round < 3; ++round) {
            const int value = co_await loop.run_in_executor(pool, prepared_value);
            CHECK(value == 5);
        }
        const int worker = co_await loop.run_in_executor(pool, pid);
        ::kill(worker, SIGKILL);
        co_await until_workers(pool, 0);
        const int again = co_await loop.run_in_executor(pool, prepared_value);
        CHECK(again == 5);
        aio::ProcessPoolExecutor other(aio::ProcessPoolOptions().max_workers(1).initializer(Prepare{8}));
        const int value = co_await loop.run_in_executor(other, prepared_value);
        CHECK(value == 8);
        // Larger than a pipe.
        const auto keep_length = [](const std::string& text) { prepared = static_cast<int>(text.size()); };
        aio::ProcessPoolExecutor large(
            aio::ProcessPoolOptions().max_workers(1).initializer(keep_length, std::string(3'000'000, 'x')));
        const int length = co_await loop.run_in_executor(large, prepared_value);
        CHECK(length == 3'000'000);
        CHECK(prepared == 0);
    }));
}

TEST_CASE(
    "rule 114: an initializer that fails every time breaks the pool after the last try, with its reason") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        const std::string log = folder.file("log");
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(1).initializer(refuse, log).max_failed_starts(3));
        auto first = loop.run_in_executor(pool, square, 1);
        auto second = loop.run_in_executor(pool, square, 2);
        const std::string reason = co_await reason_of(first);
        CHECK(reason.starts_with("broken: "));
        CHECK(reason.find("the initializer failed") != std::string::npos);
        CHECK(reason.find("no licence") != std::string::npos);
        const std::string other = co_await reason_of(second);
        CHECK(other == reason);
        CHECK(lines_in(log) == 3);
        CHECK_THROWS_AS(static_cast<void>(pool.submit(square, 3)), aio::BrokenProcessPool);
    }));
}

TEST_CASE("rule 114: a worker that ends in its initializer is tried again, and the calls wait") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(1).initializer(refuse_until, folder.file("log"), 3));
        const int value = co_await loop.run_in_executor(pool, square, 4);
        CHECK(value == 16);
        CHECK(lines_in(folder.file("log")) == 3);
    }));
}

TEST_CASE("process pool: a worker that does not become ready in time is a start that has failed") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        {
            // Leaves a zygote that serves already.
            aio::ProcessPoolExecutor first(1);
            const int value = co_await loop.run_in_executor(first, square, 4);
            CHECK(value == 16);
        }
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions()
                                          .max_workers(1)
                                          .initializer(stay, folder.file("log"))
                                          .start_timeout(1s)
                                          .max_failed_starts(1));
        const std::string reason = co_await reason_of(loop.run_in_executor(pool, square, 4));
        CHECK(reason.find("was not ready in time") != std::string::npos);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 115: a worker is replaced after max_tasks_per_child calls, whatever waits") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(2).max_tasks_per_child(3));
        std::vector<aio::Future<int>> futures;
        for (int i = 0; i < 30; ++i) futures.push_back(loop.run_in_executor(pool, pid));
        // The backlog is worked off, also after this.
        pool.shutdown(false);
        std::multiset<int> pids;
        for (auto& future : futures) {
            const int worker = co_await future;
            pids.insert(worker);
        }
        for (const int worker : pids) CHECK(pids.count(worker) <= 3);
        co_await pool.wait_closed();
    }));
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).max_tasks_per_child(2, 3));
        std::multiset<int> pids;
        for (int i = 0; i < 40; ++i) {
            const int worker = co_await loop.run_in_executor(pool, pid);
            pids.insert(worker);
        }
        const int last = *pids.rbegin();
        for (const int worker : pids) {
            CHECK(pids.count(worker) <= 5);
            if (worker != last) CHECK(pids.count(worker) >= 1);
        }
        CHECK(std::set<int>(pids.begin(), pids.end()).size() >= 8);
    }));
}

TEST_CASE("rule 117: spawned workers are the program executed again, with nothing of this process's memory") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        prepared = 3;
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(2).start_method(aio::StartMethod::spawn).capture_output());
        const int value = co_await loop.run_in_executor(pool, prepared_value);
        prepared = 0;
        CHECK(value == 0);
        const auto marked = [] { return std::getenv("AIO_WORKER") != nullptr; };
        const bool mark = co_await loop.run_in_executor(pool, marked);
        CHECK_FALSE(mark);
        const int worker = co_await loop.run_in_executor(pool, pid);
        ::kill(worker, SIGKILL);
        co_await until_workers(pool, 0);
        aio::CallRecord record;
        const auto print = [] { std::fprintf(stderr, "here\n"); };
        co_await loop.run_in_executor(pool, aio::ProcessCallOptions().record(record), print);
        CHECK(record.report().errors == "here\n");
        CHECK(record.report().pid != worker);
        aio::ProcessPoolExecutor prepared_pool(aio::ProcessPoolOptions()
                                                   .max_workers(1)
                                                   .start_method(aio::StartMethod::spawn)
                                                   .initializer(prepare, 6));
        const int six = co_await loop.run_in_executor(prepared_pool, prepared_value);
        CHECK(six == 6);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 117: forked workers have what this process has when the first one is started") {
    // In a copy of this program, which has one thread.
    const int code = processes::in_child([] {
        int result = 1;
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor other(1);
            const int none = co_await loop.run_in_executor(other, prepared_value);
            prepared = 4;
            aio::ProcessPoolExecutor pool(
                aio::ProcessPoolOptions().max_workers(1).start_method(aio::StartMethod::fork));
            const int value = co_await loop.run_in_executor(pool, prepared_value);
            result = none == 0 && value == 4 ? 0 : 2;
        }));
        return result;
    });
    CHECK(code == 0);
}

TEST_CASE("rule 117: a process with other threads is not forked, and the error says what to do") {
    patience::Gate gate;
    std::thread other([&] { gate.wait(); });
    std::string reason;
    try {
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().start_method(aio::StartMethod::fork));
    } catch (const aio::RuntimeError& error) {
        reason = error.what();
    }
    gate.open();
    other.join();
    CHECK(reason.find("threads") != std::string::npos);
    CHECK(reason.find("StartMethod::spawn") != std::string::npos);
}
