#include "process_help_posix.hpp"
#include "support/sanitizer.hpp"

#include <aio/workers/remote_error.hpp>
#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <cstdio>
#include <ctime>
#include <iostream>
#include <new>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

void note(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }
/// Stays until there is the other file.
void stay_until(const std::string& begun, const std::string& go) {
    processes::touch(begun);
    while (!std::filesystem::exists(go)) ::usleep(500);
}

int square(int x) { return x * x; }
int pid() { return ::getpid(); }
void die() { ::raise(SIGKILL); }
unsigned attempt() { return aio::worker_task().attempt(); }

/// Dies until it is the `last`th attempt.
unsigned die_before(unsigned last, const std::string&) {
    if (aio::worker_task().attempt() < last) ::raise(SIGKILL);
    return aio::worker_task().attempt();
}
void spin() {
    std::signal(SIGXCPU, SIG_DFL);
    volatile unsigned long turns = 0;
    for (;;) turns = turns + 1;
}
double spin_for(double seconds) {
    const std::clock_t end = std::clock() + static_cast<std::clock_t>(seconds * CLOCKS_PER_SEC);
    volatile unsigned long turns = 0;
    while (std::clock() < end) turns = turns + 1;
    return seconds;
}
[[maybe_unused]] std::size_t allocate(std::size_t bytes) {
    std::vector<char> memory(bytes, 'x');
    return memory.size();
}

template <class T>
aio::Coro<std::string> end_of(aio::Future<T> future) {
    std::string text = "value";
    try {
        co_await future;
    } catch (const aio::PoisonTask& error) {
        text = "poison: " + std::to_string(error.ends().size());
    } catch (const aio::WorkerCrashed& error) {
        text = "signal " + std::to_string(error.exit().signal);
    } catch (const aio::BrokenProcessPool& error) {
        text = std::string("broken: ") + error.what();
    } catch (const std::bad_alloc&) {
        text = "bad_alloc";
    } catch (const aio::CancelledError&) {
        text = "cancelled";
    } catch (const std::exception& error) {
        text = error.what();
    }
    co_return text;
}

} // namespace

TEST_CASE("rule 113: a call that may be repeated is, on another worker, and knows which attempt it is") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const unsigned plain = co_await loop.run_in_executor(pool, attempt);
        CHECK(plain == 1);
        const unsigned small = co_await loop.run_in_executor(pool, aio::ProcessCallOptions().retries(3),
                                                             die_before, 3u, std::string());
        CHECK(small == 3);
        // More than a pipe holds: it must have been kept.
        const unsigned large = co_await loop.run_in_executor(pool, aio::ProcessCallOptions().retries(1),
                                                             die_before, 2u, std::string(3'000'000, 'x'));
        CHECK(large == 2);
        CHECK(pool.statistics().crashed == 3);
        CHECK(pool.statistics().retried == 3);
        CHECK(aio::worker_task().attempt() == 0);
    }));
}

TEST_CASE("rule 113: a call that kills every worker is named as poison, with all their ends") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        aio::CallRecord record;
        auto poison = loop.run_in_executor(pool, aio::ProcessCallOptions().retries(2).record(record), die);
        auto other = loop.run_in_executor(pool, square, 3);
        std::vector<aio::WorkerEnd> ends;
        std::string text;
        try {
            co_await poison;
        } catch (const aio::PoisonTask& error) {
            ends = error.ends();
            text = error.what();
            CHECK(error.pid() == ends.back().pid);
        }
        CHECK(ends.size() == 3);
        for (const aio::WorkerEnd& end : ends) {
            CHECK(end.exit.signal == SIGKILL);
            CHECK(text.find(std::to_string(end.pid)) != std::string::npos);
        }
        CHECK(record.report().crashes.size() == 3);
        CHECK(record.report().attempts == 3);
        const int value = co_await other;
        CHECK(value == 9);
        // An exception is an answer, and no reason to repeat anything.
        const auto fail = [] { throw std::runtime_error("attempt " + std::to_string(attempt())); };
        const std::string failed =
            co_await end_of(loop.run_in_executor(pool, aio::ProcessCallOptions().retries(2), fail));
        CHECK(failed == "attempt 1");
        CHECK_THROWS_AS(aio::ProcessCallOptions().retries(-1), aio::ValueError);
    }));
}

TEST_CASE("rule 113: with break_on_crash one death breaks the pool, as in Python, and the reason names it") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(2).break_on_crash());
        auto done = loop.run_in_executor(pool, square, 2);
        const int value = co_await done;
        CHECK(value == 4);
        auto busy = loop.run_in_executor(pool, processes::begin_and_stay, folder.file("a"));
        co_await processes::appearance(folder.file("a"));
        auto dying = loop.run_in_executor(pool, die);
        auto queued = loop.run_in_executor(pool, square, 3);
        const std::string first = co_await end_of(dying);
        CHECK(first.starts_with("broken: a worker process "));
        CHECK(first.find("signal 9") != std::string::npos);
        const std::string second = co_await end_of(busy);
        CHECK(second == first);
        const std::string third = co_await end_of(queued);
        CHECK(third == first);
        CHECK_THROWS_AS(static_cast<void>(pool.submit(square, 1)), aio::BrokenProcessPool);
        while (processes::workers() != 0) co_await aio::sleep(1ms);
    }));
}

TEST_CASE("process pool: calls of a higher priority go first, equal ones in order") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(1);
        auto running = loop.run_in_executor(pool, stay_until, folder.file("a"), folder.file("go"));
        co_await processes::appearance(folder.file("a"));
        const std::string log = folder.file("log");
        std::vector<aio::Future<>> all;
        all.push_back(loop.run_in_executor(pool, note, log, "d"));
        all.push_back(loop.run_in_executor(pool, aio::ProcessCallOptions().priority(-1), note, log, "f"));
        all.push_back(loop.run_in_executor(pool, aio::ProcessCallOptions().priority(5), note, log, "b"));
        all.push_back(loop.run_in_executor(pool, aio::ProcessCallOptions().priority(9), note, log, "a"));
        all.push_back(loop.run_in_executor(pool, note, log, "e"));
        all.push_back(loop.run_in_executor(pool, aio::ProcessCallOptions().priority(5), note, log, "c"));
        processes::touch(folder.file("go"));
        co_await running;
        for (auto& call : all) co_await call;
        std::string text;
        std::ifstream(log) >> text;
        CHECK(text == "abcdef");
    }));
}

TEST_CASE(
    "process pool: with ageing, a call of a low priority that has waited goes before a new one of a high") {
    const auto order_with = [](aio::ProcessPoolOptions options) {
        std::string text;
        CHECK(processes::in_time([&]() -> aio::Coro<> {
            auto& loop = aio::get_running_loop();
            processes::Folder folder;
            aio::ProcessPoolExecutor pool(options.max_workers(1));
            auto running = loop.run_in_executor(pool, stay_until, folder.file("a"), folder.file("go"));
            co_await processes::appearance(folder.file("a"));
            const std::string log = folder.file("log");
            std::vector<aio::Future<>> all;
            const auto add = [&](int priority, const std::string& word) {
                all.push_back(loop.run_in_executor(pool, aio::ProcessCallOptions().priority(priority), note,
                                                   log, word));
            };
            add(0, "u");
            add(-1, "l");
            const aio::TimePoint then = loop.time();
            while (loop.time() < then + 10ns) co_await aio::sleep(0s);
            add(1, "h");
            processes::touch(folder.file("go"));
            co_await running;
            for (auto& call : all) co_await call;
            std::ifstream(log) >> text;
        }));
        return text;
    };
    CHECK(order_with(aio::ProcessPoolOptions().priority_ageing(1ns)) == "ulh");
    CHECK(order_with(aio::ProcessPoolOptions().priority_ageing(1h)) == "hul");
    CHECK_THROWS_WITH_AS(static_cast<void>(aio::ProcessPoolOptions().priority_ageing(0s)),
                         "priority_ageing must be greater than 0, not 0", aio::ValueError);
}

TEST_CASE("process pool: a call beyond its processor time is ended, and not repeated" *
          doctest::skip(sanitizer::of_threads)) {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const std::string end = co_await end_of(
            loop.run_in_executor(pool, aio::ProcessCallOptions().cpu_limit(20ms).retries(2), spin));
        CHECK(end == "signal " + std::to_string(SIGXCPU));
        // The limit is the call's, not the worker's.
        const double limited =
            co_await loop.run_in_executor(pool, aio::ProcessCallOptions().cpu_limit(200ms), spin_for, 0.01);
        CHECK(limited == 0.01);
        const double unlimited = co_await loop.run_in_executor(pool, spin_for, 0.3);
        CHECK(unlimited == 0.3);
        CHECK(pool.statistics().crashed == 1);
        CHECK_THROWS_AS(aio::ProcessCallOptions().cpu_limit(0s), aio::ValueError);
    }));
}

#if defined(__linux__) && !defined(AIO_TEST_SANITIZED)
TEST_CASE("process pool: a call that wants more memory than it may gets bad_alloc, and the worker goes on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        const std::string end = co_await end_of(loop.run_in_executor(
            pool, aio::ProcessCallOptions().memory_limit(16 << 20), allocate, std::size_t{64} << 20));
        CHECK(end == "bad_alloc");
        const std::size_t within = co_await loop.run_in_executor(
            pool, aio::ProcessCallOptions().memory_limit(64 << 20), allocate, std::size_t{16} << 20);
        CHECK(within == std::size_t{16} << 20);
        const std::size_t free = co_await loop.run_in_executor(pool, allocate, std::size_t{64} << 20);
        CHECK(free == std::size_t{64} << 20);
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
        CHECK_THROWS_AS(aio::ProcessCallOptions().memory_limit(0), aio::ValueError);
    }));
}
#endif

TEST_CASE("process pool: a record says what its call has used") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const int worker = co_await loop.run_in_executor(pool, pid);
        aio::CallRecord record;
        co_await loop.run_in_executor(pool, aio::ProcessCallOptions().record(record), spin_for, 0.05);
        const aio::CallReport& report = record.report();
        CHECK(report.pid == worker);
        CHECK(report.attempts == 1);
        CHECK(report.user_time + report.system_time >= 40ms);
        CHECK(report.wall_time >= 40ms);
        CHECK(report.max_resident_bytes > 100'000);
        // Also of one that throws.
        aio::CallRecord other;
        const auto fail = [] { throw std::runtime_error("no"); };
        const std::string end =
            co_await end_of(loop.run_in_executor(pool, aio::ProcessCallOptions().record(other), fail));
        CHECK(end == "no");
        CHECK(other.report().pid == worker);
    }));
}

TEST_CASE("process pool: the statistics count calls and workers") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(2);
        const auto fail = [] { throw std::runtime_error("no"); };
        const int value = co_await loop.run_in_executor(pool, square, 2);
        CHECK(value == 4);
        const std::string failed = co_await end_of(loop.run_in_executor(pool, fail));
        CHECK(failed == "no");
        const std::string died = co_await end_of(loop.run_in_executor(pool, die));
        CHECK(died == "signal 9");
        auto busy = loop.run_in_executor(pool, processes::begin_and_stay, folder.file("a"));
        co_await processes::appearance(folder.file("a"));
        const aio::ProcessPoolStatistics now = pool.statistics();
        CHECK(now.submitted == 4);
        CHECK(now.succeeded == 1);
        CHECK(now.failed == 1);
        CHECK(now.crashed == 1);
        CHECK(now.busy == 1);
        CHECK(now.idle == 0);
        CHECK(now.queued == 0);
        CHECK(now.workers_started == 2);
        CHECK(now.workers_ended == 1);
        CHECK(now.failed_starts == 0);
    }));
}

TEST_CASE("process pool: captured output comes with the record of its call, and not with another") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).capture_output());
        const auto print = [](const std::string& text) {
            std::printf("%s to printf\n", text.c_str());
            std::cout << text << " to cout\n";
            std::cerr << text << " to cerr\n";
        };
        co_await loop.run_in_executor(pool, print, "unseen");
        for (const std::string text : {"first", "second"}) {
            aio::CallRecord record;
            co_await loop.run_in_executor(pool, aio::ProcessCallOptions().record(record), print, text);
            CHECK(record.report().output == text + " to printf\n" + text + " to cout\n");
            CHECK(record.report().errors == text + " to cerr\n");
        }
        // Of much text, the end.
        const auto print_much = [] {
            const std::string block(1000, 'x');
            for (int i = 0; i < 3000; ++i) std::fwrite(block.data(), 1, block.size(), stdout);
            std::printf("end");
        };
        aio::CallRecord record;
        co_await loop.run_in_executor(pool, aio::ProcessCallOptions().record(record), print_much);
        CHECK(record.report().output.size() == std::size_t{1} << 20);
        CHECK(record.report().output.ends_with("xxend"));
    }));
}

TEST_CASE("rule 113: what a call has written before its worker died is not lost, if the pool captures it") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).capture_output());
        const auto complain = [] {
            std::printf("so far so good\n");
            for (int i = 0; i < 20; ++i) std::fprintf(stderr, "complaint %d\n", i);
            ::raise(SIGKILL);
        };
        aio::CallRecord record;
        std::string text;
        std::string errors;
        try {
            co_await loop.run_in_executor(pool, aio::ProcessCallOptions().record(record), complain);
        } catch (const aio::WorkerCrashed& error) {
            text = error.what();
            errors = error.exit().errors;
        }
        CHECK(text.ends_with(
            "; its last words: complaint 15\ncomplaint 16\ncomplaint 17\ncomplaint 18\ncomplaint 19"));
        CHECK(errors.starts_with("complaint 0\n"));
        CHECK(record.report().output == "so far so good\n");
        CHECK(record.report().errors == errors);
        // The same for one that does not come to be ready.
        const auto refuse = [] {
            std::fprintf(stderr, "no licence\n");
            ::_exit(4);
        };
        aio::ProcessPoolExecutor other(
            aio::ProcessPoolOptions().max_workers(1).capture_output().initializer(refuse).max_failed_starts(
                1));
        const std::string reason = co_await end_of(loop.run_in_executor(other, square, 1));
        CHECK(reason.find("exited with code 4 before it was ready; its last words: no licence") !=
              std::string::npos);
    }));
}
