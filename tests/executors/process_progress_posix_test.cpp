#include "process_help_posix.hpp"

#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/loop_help.hpp"

using namespace std::chrono_literals;

namespace {

/// Reports, and goes on only when the program has shown that it knows.
int report_and_wait(const std::string& seen) {
    aio::worker_task().report_progress(3, 12, "half-way there");
    while (!std::filesystem::exists(seen)) ::usleep(500);
    return 5;
}
/// Far more than a pipe holds.
int report_often(int count, const std::string& end) {
    for (int i = 1; i <= count; ++i) aio::worker_task().report_progress(i, count, "going on");
    if (!end.empty()) processes::touch(end);
    return count;
}
void report_long_text() {
    std::string text(aio::Progress::max_text - 1, 'x');
    aio::worker_task().report_progress(1, 2, text + "\xC3\xA4");
}
void report_in_threads() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([] {
            for (int j = 0; j < 500; ++j) aio::worker_task().report_progress(0.25);
        });
    for (std::thread& thread : threads) thread.join();
    aio::worker_task().report_progress(1);
}
void report_and_throw() {
    aio::worker_task().report_progress(0.5);
    throw std::runtime_error("no more");
}
int report_and_die(const std::string& before) {
    aio::worker_task().report_progress(aio::worker_task().attempt(), 9);
    if (std::filesystem::exists(before)) return 7;
    processes::touch(before);
    ::kill(::getpid(), SIGKILL);
    return 0;
}
int nothing_to_say() { return 4; }

} // namespace

TEST_CASE("process pool: what a call reports arrives while it runs") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(1);
        const auto thread = std::this_thread::get_id();
        std::optional<aio::Progress> seen;
        aio::ProcessCallOptions options;
        options.on_progress([&](const aio::Progress& progress) {
            CHECK(std::this_thread::get_id() == thread);
            CHECK(&aio::get_running_loop() == &loop);
            seen = progress;
            processes::touch(folder.file("seen"));
        });
        const int value = co_await loop.run_in_executor(pool, options, report_and_wait, folder.file("seen"));
        CHECK(value == 5);
        REQUIRE(seen.has_value());
        CHECK(seen->done == 3);
        CHECK(seen->total == 12);
        CHECK(seen->fraction() == 0.25);
        CHECK(seen->text == "half-way there");
    }));
}

TEST_CASE("process pool: the last report of a call comes before its result, and none after it") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        std::vector<double> seen;
        aio::ProcessCallOptions options;
        options.on_progress([&](const aio::Progress& progress) { seen.push_back(progress.done); });
        const int count = 20'000;
        const int value = co_await loop.run_in_executor(pool, options, report_often, count, std::string());
        CHECK(value == count);
        REQUIRE_FALSE(seen.empty());
        CHECK(seen.back() == count);
        CHECK(std::is_sorted(seen.begin(), seen.end()));
        const std::size_t calls = seen.size();
        co_await loop.run_in_executor(pool, nothing_to_say);
        CHECK(seen.size() == calls);
    }));
}

TEST_CASE(
    "process pool: a call that reports never waits for a program that is busy, which sees the last report") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(1);
        co_await loop.run_in_executor(pool, nothing_to_say);
        std::vector<double> seen;
        aio::ProcessCallOptions options;
        options.on_progress([&](const aio::Progress& progress) { seen.push_back(progress.done); });
        auto call = loop.run_in_executor(pool, options, report_often, 10'000, folder.file("end"));
        // The loop has no turn meanwhile.
        CHECK(patience::until([&] { return std::filesystem::exists(folder.file("end")); }));
        co_await call;
        REQUIRE_FALSE(seen.empty());
        CHECK(seen.back() == 10'000);
        // Not one by one.
        CHECK(seen.size() < 1'000);
    }));
}

TEST_CASE("process pool: statistics have the last report of each call that runs") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(2);
        auto first = loop.run_in_executor(pool, report_and_wait, folder.file("a"));
        auto second = loop.run_in_executor(pool, report_and_wait, folder.file("b"));
        while (pool.statistics().progress.size() < 2) co_await aio::sleep(1ms);
        const auto reports = pool.statistics().progress;
        CHECK(reports[0].pid != reports[1].pid);
        CHECK(reports[0].progress.text == "half-way there");
        processes::touch(folder.file("a"));
        co_await first;
        CHECK(pool.statistics().progress.size() == 1);
        processes::touch(folder.file("b"));
        co_await second;
        CHECK(pool.statistics().progress.empty());
        // The next call of the same worker begins without.
        co_await loop.run_in_executor(pool, nothing_to_say);
        CHECK(pool.statistics().progress.empty());
    }));
}

TEST_CASE("process pool: the text of a report is cut between two characters") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        std::string text;
        aio::ProcessCallOptions options;
        options.on_progress([&](const aio::Progress& progress) { text = progress.text; });
        co_await loop.run_in_executor(pool, options, report_long_text);
        CHECK(text == std::string(aio::Progress::max_text - 1, 'x'));
    }));
}

TEST_CASE("process pool: any thread of a call may report") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        double last = 0;
        aio::ProcessCallOptions options;
        options.on_progress([&](const aio::Progress& progress) { last = progress.fraction(); });
        co_await loop.run_in_executor(pool, options, report_in_threads);
        CHECK(last == 1);
    }));
}

TEST_CASE("process pool: a call that fails, or is repeated, has reported before") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        processes::Folder folder;
        aio::ProcessPoolExecutor pool(1);
        std::vector<double> seen;
        aio::ProcessCallOptions options;
        options.on_progress([&](const aio::Progress& progress) { seen.push_back(progress.done); });
        bool threw = false;
        try {
            co_await loop.run_in_executor(pool, options, report_and_throw);
        } catch (const std::runtime_error&) {
            threw = true;
        }
        CHECK(threw);
        CHECK(seen == std::vector<double>(1, 0.5));
        seen.clear();
        options.retries(1);
        const int value = co_await loop.run_in_executor(pool, options, report_and_die, folder.file("once"));
        CHECK(value == 7);
        REQUIRE(seen.size() == 2);
        CHECK(seen[0] == 1);
        CHECK(seen[1] == 2);
    }));
}

TEST_CASE("process pool: what a listener for reports throws goes to the loop's exception handler") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        std::string handled;
        loop.set_exception_handler([&](aio::EventLoop&, const aio::ErrorContext& context) {
            handled = aio::test::text_of(context.exception);
        });
        aio::ProcessCallOptions options;
        options.on_progress([](const aio::Progress&) { throw std::runtime_error("cannot listen"); });
        const int value = co_await loop.run_in_executor(pool, options, report_often, 1, std::string());
        CHECK(value == 1);
        CHECK(handled == "cannot listen");
    }));
}

TEST_CASE("process pool: reports mean nothing outside of a worker") {
    CHECK_NOTHROW(aio::worker_task().report_progress(0.5));
    CHECK(aio::Progress().fraction() == 0);
}
