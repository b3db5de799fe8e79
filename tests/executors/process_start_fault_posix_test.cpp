// Faults of processes that are to become workers, before they have said HELLO; process_fault_posix_test.cpp
// has those of workers.

#include "fault_help_posix.hpp"

#include <doctest/doctest.h>

#include <pthread.h>
#include <sys/mman.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <string>

using namespace std::chrono_literals;
using faults::Kind;

namespace {

int square(int x) { return x * x; }
int pid() { return ::getpid(); }

/// What the processes of one trial share: how many of them are still to fail, and how.
class Shared {
public:
    std::atomic<int> remaining{0};
    std::atomic<int> kind{0};
};
Shared* shared = nullptr;
int generation = 0;

/// In each forked process. The zygote is the second, its workers the third generation.
void after_fork() {
    if (++generation == 2 && shared->remaining.fetch_sub(1) > 0)
        faults::commit(static_cast<Kind>(shared->kind.load()));
}

aio::Coro<int> count_survivals() {
    auto& loop = aio::get_running_loop();
    int right = 0;
    for (const Kind kind : faults::all) {
        shared->kind = static_cast<int>(kind);
        shared->remaining = 1;
        auto options = faults::hasty(1).max_failed_starts(100);
        if (kind == Kind::stop) options.start_timeout(500ms);
        aio::ProcessPoolExecutor pool(options);
        const std::string end = co_await faults::end_of(loop.run_in_executor(pool, square, 4));
        const bool failed_once = pool.statistics().failed_starts >= 1;
        pool.shutdown(false);
        co_await pool.wait_closed();
        if (end == "value" && failed_once)
            ++right;
        else
            std::fprintf(stderr, "%s before HELLO: %s\n", faults::name_of(kind).c_str(), end.c_str());
    }
    co_return right;
}

} // namespace

TEST_CASE("rule 113: a fault before a worker has said hello is a start that has failed") {
    // In a process of its own, whose forked copies run a handler.
    const int right = processes::in_child([] {
        void* const memory =
            ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        shared = new (memory) Shared; // NOLINT: as long as the process
        ::pthread_atfork(nullptr, nullptr, &after_fork);
        int survived = -1;
        static_cast<void>(
            processes::in_time([&]() -> aio::Coro<> { survived = co_await count_survivals(); }));
        return survived;
    });
    CHECK(right == static_cast<int>(faults::all.size()));
}

namespace {

constexpr const char* early_trap = "AIO_TEST_EARLY_TRAP";

/// In a program that is executed to be a worker: before main.
bool spring_early() {
    const char* const text = std::getenv(early_trap);
    if (text == nullptr || std::getenv("AIO_WORKER") == nullptr) return false;
    faults::commit_once(text + 1, static_cast<Kind>(text[0] - '0'));
    return true;
}
[[maybe_unused]] const bool sprung_early = spring_early();

} // namespace

TEST_CASE("rule 117: a fault of a spawned worker before it has said hello is a start that has failed, or the "
          "end of a pool none of whose workers gets that far") {
    for (const Kind kind : faults::all) {
        processes::Folder folder;
        const std::string token = folder.file("token");
        processes::touch(token);
        // A process of its own, for its zygote has the environment as it was at its own start.
        const int code = processes::in_child([&] {
            ::setenv(early_trap, (std::to_string(static_cast<int>(kind)) + token).c_str(), 1);
            int result = 1;
            static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
                auto& loop = aio::get_running_loop();
                auto options = faults::hasty(1).start_method(aio::StartMethod::spawn).max_failed_starts(100);
                if (kind == Kind::stop) options.start_timeout(200ms);
                aio::ProcessPoolExecutor pool(options);
                const std::string end = co_await faults::end_of(loop.run_in_executor(pool, square, 4));
                const bool broken = end.starts_with("broken: no worker process became ready in time");
                if (kind == Kind::stop ? broken : end == "value" && pool.statistics().failed_starts == 1)
                    result = 0;
                else
                    std::fprintf(stderr, "%s before HELLO: %s\n", faults::name_of(kind).c_str(), end.c_str());
                pool.shutdown(false);
                co_await pool.wait_closed();
            }));
            return result == 0 && patience::until([] { return processes::workers() == 0; }) ? 0 : 1;
        });
        CHECK(faults::pair_of(kind, std::to_string(code)) == faults::pair_of(kind, "0"));
        // On a slow machine the time for a start may be over before the worker comes so far as to stop.
        CHECK((kind == Kind::stop || !std::filesystem::exists(token)));
    }
}

TEST_CASE(
    "rule 117: while some spawned worker lives, another one that is stopped before it has said hello does "
    "not break the pool") {
    processes::Folder folder;
    const std::string token = folder.file("token");
    const int code = processes::in_child([&] {
        ::setenv(early_trap, (std::to_string(static_cast<int>(Kind::stop)) + token).c_str(), 1);
        int result = 1;
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            aio::ProcessPoolExecutor pool(
                faults::hasty(2).start_method(aio::StartMethod::spawn).start_timeout(2s));
            const int first = co_await loop.run_in_executor(pool, pid);
            processes::touch(token);
            auto staying = loop.run_in_executor(pool, processes::begin_and_stay, folder.file("begun"));
            // Needs another worker, and the first one that comes is stopped.
            const int second = co_await loop.run_in_executor(pool, pid);
            if (second != first && !std::filesystem::exists(token) && pool.statistics().failed_starts >= 1)
                result = 0;
            pool.kill_workers();
            static_cast<void>(co_await faults::end_of(staying));
            co_await pool.wait_closed();
        }));
        return result;
    });
    CHECK(code == 0);
}
