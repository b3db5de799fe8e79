#include "process_help_posix.hpp"

#include <aio/core/event_loop.hpp>
#include <aio/workers/process_start.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace {

int square(int x) { return x * x; }
int pid() { return ::getpid(); }

} // namespace

TEST_CASE("rule 107: shutdown refuses calls, queued ones still run, wait_closed waits for the workers' end") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        std::vector<aio::Future<int>> futures;
        for (int i = 0; i < 20; ++i) futures.push_back(loop.run_in_executor(pool, square, i));
        pool.shutdown(false);
        CHECK_THROWS_AS(static_cast<void>(pool.submit(square, 1)), aio::RuntimeError);
        CHECK_THROWS_AS(pool.shutdown(true), aio::RuntimeError);
        co_await pool.wait_closed();
        for (int i = 0; i < 20; ++i) {
            CHECK(futures[static_cast<std::size_t>(i)].done());
            const int value = co_await futures[static_cast<std::size_t>(i)];
            CHECK(value == i * i);
        }
        CHECK(pool.worker_pids().empty());
        CHECK(processes::workers() == 0);
        co_await pool.wait_closed();
        pool.shutdown(true);
    }));
}

TEST_CASE("rule 107: cancel_futures cancels what no worker has") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(1);
        const auto wait_for_file = [](std::string begun, std::string awaited) {
            processes::touch(begun);
            while (!std::filesystem::exists(awaited)) ::usleep(1000);
            return 5;
        };
        auto running = loop.run_in_executor(pool, wait_for_file, folder.file("begun"), folder.file("go"));
        auto queued = loop.run_in_executor(pool, square, 2);
        co_await processes::appearance(folder.file("begun"));
        pool.shutdown(false, true);
        processes::touch(folder.file("go"));
        const int value = co_await running;
        CHECK(value == 5);
        bool cancelled = false;
        try {
            co_await queued;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        co_await pool.wait_closed();
    }));
}

TEST_CASE("rule 107: another thread may shut the pool down and wait") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(2);
        auto future = loop.run_in_executor(pool, square, 3);
        patience::Gate ended;
        std::thread other([&] {
            pool.shutdown(true);
            ended.open();
        });
        co_await pool.wait_closed();
        CHECK(ended.wait());
        other.join();
        CHECK(future.done());
        const int value = co_await future;
        CHECK(value == 9);
    }));
}

TEST_CASE("rule 107: waiting where nobody would run the loop meanwhile is refused, not a deadlock") {
    aio::EventLoop loop;
    std::optional<aio::ProcessPoolExecutor> pool;
    const auto use = [&]() -> aio::Coro<> {
        pool.emplace(1);
        const int value = co_await loop.run_in_executor(*pool, square, 4);
        CHECK(value == 16);
    };
    loop.run_until_complete(use());
    CHECK_THROWS_AS(pool->shutdown(true), aio::RuntimeError);
    loop.close();
    pool->shutdown(true);
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("process pool: an unused one is shut down at once") {
    aio::ProcessPoolExecutor unused(1);
    unused.shutdown();
    CHECK_THROWS_AS(static_cast<void>(unused.submit(square, 1)), aio::RuntimeError);
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        pool.shutdown();
        co_await pool.wait_closed();
    }));
}

TEST_CASE("process pool: destroyed with calls queued and running, their futures fail and the workers end") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        std::optional<aio::ProcessPoolExecutor> pool;
        pool.emplace(1);
        auto running = loop.run_in_executor(*pool, processes::begin_and_stay, folder.file("a"));
        auto queued = loop.run_in_executor(*pool, square, 2);
        auto closed = pool->wait_closed();
        co_await processes::appearance(folder.file("a"));
        pool.reset();
        std::string reason;
        try {
            co_await running;
        } catch (const aio::RuntimeError& error) {
            reason = error.what();
        }
        CHECK(reason.find("destroyed") != std::string::npos);
        bool cancelled = false;
        try {
            co_await queued;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        co_await closed;
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("process pool: a callback of a call that crashed may destroy the pool") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        processes::Folder folder;
        auto pool = std::make_unique<aio::ProcessPoolExecutor>(2);
        const auto die = [] { ::raise(SIGKILL); };
        const auto staying = pool->submit(processes::begin_and_stay, folder.file("a"));
        co_await processes::appearance(folder.file("a"));
        const auto dying = pool->submit(die);
        dying.add_done_callback([&pool] { pool.reset(); });
        bool crashed = false;
        try {
            co_await aio::wrap_future(dying);
        } catch (const aio::WorkerCrashed&) {
            crashed = true;
        }
        CHECK(crashed);
        CHECK(pool == nullptr);
        CHECK(staying.done());
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("process pool: a callback of a call that succeeded may destroy the pool") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto pool = std::make_unique<aio::ProcessPoolExecutor>(2);
        const auto first = pool->submit(square, 2);
        const auto second = pool->submit(square, 3);
        first.add_done_callback([&pool] { pool.reset(); });
        const int value = co_await aio::wrap_future(first);
        CHECK(value == 4);
        CHECK(pool == nullptr);
        CHECK(patience::until([&] { return second.done(); }));
    }));
}

TEST_CASE("process pool: destroyed by another thread, while its loop runs") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        auto pool = std::make_unique<aio::ProcessPoolExecutor>(1);
        auto running = loop.run_in_executor(*pool, processes::begin_and_stay, folder.file("a"));
        co_await processes::appearance(folder.file("a"));
        std::thread other([&] { pool.reset(); });
        std::string reason;
        try {
            co_await running;
        } catch (const aio::RuntimeError& error) {
            reason = error.what();
        }
        CHECK(reason.find("destroyed") != std::string::npos);
        other.join();
    }));
}

TEST_CASE("rule 100: a loop that closes with calls in its pool calls nobody back, and ends the workers") {
    processes::Folder folder;
    bool called = false;
    std::optional<aio::ProcessPoolExecutor> pool;
    std::optional<aio::ConcurrentFuture<>> running;
    {
        aio::EventLoop loop;
        const auto begin = [&]() -> aio::Coro<> {
            pool.emplace(1);
            running = pool->submit(processes::begin_and_stay, folder.file("a"));
            auto future = aio::wrap_future(*running);
            future.add_done_callback([&] { called = true; });
            pool->wait_closed().add_done_callback([&] { called = true; });
            co_await processes::appearance(folder.file("a"));
        };
        loop.run_until_complete(begin());
    }
    CHECK_FALSE(called);
    REQUIRE(running->done());
    CHECK_THROWS_AS(running->result(), aio::RuntimeError);
    CHECK(patience::until([] { return processes::workers() == 0; }));
    CHECK_THROWS_AS(static_cast<void>(pool->submit(square, 1)), aio::RuntimeError);
    pool->shutdown();
    pool.reset();
}

TEST_CASE("process pool: destroyed between two runs of its loop, it is gone when the loop is") {
    processes::Folder folder;
    std::optional<aio::ConcurrentFuture<>> running;
    {
        aio::EventLoop loop;
        auto pool = std::make_unique<aio::ProcessPoolExecutor>(1);
        const auto begin = [&]() -> aio::Coro<> {
            running = pool->submit(processes::begin_and_stay, folder.file("a"));
            co_await processes::appearance(folder.file("a"));
        };
        loop.run_until_complete(begin());
        pool.reset();
    }
    REQUIRE(running->done());
    CHECK_THROWS_AS(running->result(), aio::RuntimeError);
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("process pool: a fork of the program that holds its descriptors does not keep workers alive") {
    pid_t copy = -1;
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int value = co_await loop.run_in_executor(pool, square, 3);
        CHECK(value == 9);
        copy = ::fork();
        if (copy == 0)
            for (;;) ::pause();
        pool.shutdown(false);
        co_await pool.wait_closed();
    }));
    ::kill(copy, SIGKILL);
    ::waitpid(copy, nullptr, 0);
}

TEST_CASE("process pool: pools of one program, and of a fork of it, do not take each other's zygote") {
    const auto use = [] {
        return processes::in_time([]() -> aio::Coro<> {
            aio::ProcessPoolExecutor pool(1);
            const int worker = co_await aio::get_running_loop().run_in_executor(pool, pid);
            const int zygote = processes::parent_of(worker);
            REQUIRE(processes::parent_of(zygote) == ::getpid());
        });
    };
    CHECK(use());
    CHECK(processes::in_child([&] { return use() ? 0 : 1; }) == 0);
    CHECK(use());
}

TEST_CASE("process pool: one that is made right after another was destroyed is not confused by its workers") {
    for (int round = 0; round < 20; ++round) {
        CHECK(processes::in_time([]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            {
                aio::ProcessPoolExecutor first(2);
                static_cast<void>(loop.run_in_executor(first, pid));
                static_cast<void>(loop.run_in_executor(first, pid));
                co_await aio::sleep(std::chrono::milliseconds(0));
            }
            aio::ProcessPoolExecutor second(2);
            const int value = co_await loop.run_in_executor(second, square, 3);
            CHECK(value == 9);
        }));
    }
    CHECK(patience::until([] { return processes::workers() == 0; }));
}
