#include "stream_help_posix.hpp"

#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <unistd.h>

#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace streams;

namespace {

void two_and_throw(Emit<int> emit) {
    emit(1);
    emit(2);
    throw std::out_of_range("that was all");
}
void three_and_die(Emit<int> emit) {
    count_to(emit, 3);
    ::kill(::getpid(), SIGKILL);
}
/// The second item does not fit the pipe.
void small_and_large(Emit<std::string> emit, const std::string& begun) {
    emit(std::to_string(::getpid()));
    processes::touch(begun);
    emit(std::string(200'000, 'x'));
}
void emit_when_told(Emit<int> emit, const std::string& path) {
    while (!std::filesystem::exists(path)) ::usleep(500);
    count_to(emit, 3);
}
void ignore_stops(Emit<int> emit, const std::string& begun) {
    emit(1);
    processes::begin_and_stay(begun);
}
void swallow_stops(Emit<int> emit, const std::string& ended) {
    int stops = 0;
    while (stops < 3) try {
            emit(0);
        } catch (const aio::CancelledError&) {
            ++stops;
        }
    processes::touch(ended);
}
void wait_for_stop(Emit<int> emit, const std::string& ended) {
    emit(1);
    while (!aio::worker_task().stop_requested()) ::usleep(500);
    processes::touch(ended);
}
void stay(const std::string& begun) { processes::begin_and_stay(begun); }

} // namespace

TEST_CASE("stream: what a function throws comes after what it has emitted") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto stream = pool.stream(two_and_throw);
        std::vector<int> items;
        std::string text;
        try {
            while (const auto item = co_await stream.next()) items.push_back(*item);
        } catch (const std::out_of_range& error) {
            text = error.what();
        }
        CHECK(text == "that was all");
        CHECK(items == up_to(2));
        const auto after = co_await stream.next();
        CHECK_FALSE(after.has_value());
        CHECK(pool.statistics().failed == 1);
    }));
}

TEST_CASE("stream: what a worker has emitted before it is killed counts, then comes WorkerCrashed") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const auto stream = pool.stream(three_and_die);
        std::vector<int> items;
        const std::string end = co_await end_of(stream, items);
        CHECK(end == "signal 9");
        CHECK(items == up_to(3));
        CHECK(pool.statistics().crashed == 1);
        const int value = co_await loop.run_in_executor(pool, square, 3);
        CHECK(value == 9);
    }));
}

TEST_CASE("stream: half an item is none") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        processes::Folder folder;
        const auto stream = pool.stream(small_and_large, folder.file("begun"));
        const auto first = co_await stream.next();
        REQUIRE(first.has_value());
        const int worker = std::stoi(*first);
        // Nothing is read from its pipe meanwhile.
        CHECK(patience::until([&] {
            return std::filesystem::exists(folder.file("begun")) && processes::state_of(worker) == 'S';
        }));
        ::kill(worker, SIGKILL);
        std::vector<std::string> items;
        const std::string end = co_await end_of(stream, items);
        CHECK(end == "signal 9");
        CHECK(items.empty());
    }));
}

TEST_CASE("stream: a worker that is killed while it waits for its reader is not given the call again") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        processes::Folder folder;
        const auto stream =
            pool.stream(aio::ProcessCallOptions().buffersize(1), ignore_stops, folder.file("begun"));
        const auto first = co_await stream.next();
        CHECK(first == 1);
        co_await processes::appearance(folder.file("begun"));
        // The credit for the first item lies in its pipe.
        ::kill(pool.worker_pids().at(0), SIGKILL);
        std::vector<int> items;
        const std::string end = co_await end_of(stream, items);
        CHECK(end == "signal 9");
        CHECK(items.empty());
    }));
}

TEST_CASE("rule 8: cancelling a step of a stream loses no item") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        processes::Folder folder;
        const auto stream = pool.stream(emit_when_told, folder.file("go"));
        const auto step = [](const aio::ProcessStream<int>& from, int& got) -> aio::Coro<> {
            const auto item = co_await from.next();
            got = item.value_or(0);
        };
        int first = 0;
        int second = 0;
        auto cancelled = loop.create_task(step(stream, first));
        auto waiting = loop.create_task(step(stream, second));
        co_await aio::sleep(0s);
        cancelled.cancel();
        co_await aio::sleep(0s);
        CHECK(cancelled.cancelled());
        processes::touch(folder.file("go"));
        co_await waiting;
        CHECK(first == 0);
        CHECK(second == 1);
        const std::vector<int> rest = co_await read_all(stream);
        REQUIRE(rest.size() == 2);
        CHECK(rest[0] == 2);
    }));
}

TEST_CASE("stream: aclose ends a function that emits without end, and its worker lives on") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(patient().stop_cancelled(false));
        const int worker = co_await loop.run_in_executor(pool, pid);
        const auto stream = pool.stream(count_forever);
        const auto first = co_await stream.next();
        CHECK(first == 1);
        co_await stream.aclose();
        CHECK(pool.statistics().busy == 0);
        CHECK(pool.statistics().stopped == 1);
        const auto after = co_await stream.next();
        CHECK_FALSE(after.has_value());
        co_await stream.aclose();
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
    }));
}

TEST_CASE("stream: dropping it stops the call") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(patient());
        const int worker = co_await loop.run_in_executor(pool, pid);
        for (int i = 0; i < 20; ++i) {
            const auto stream = pool.stream(count_forever);
            if (i % 2 == 0) co_await stream.next();
        }
        auto replaced = pool.stream(count_forever);
        replaced = pool.stream(count_to, 2);
        const std::vector<int> items = co_await read_all(replaced);
        CHECK(items == up_to(2));
        const int same = co_await loop.run_in_executor(pool, pid);
        CHECK(same == worker);
    }));
}

TEST_CASE("stream: a task that is cancelled while it reads stops the call") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(patient());
        processes::Folder folder;
        int read = 0;
        const auto read_on = [&read](aio::ProcessStream<int> stream) -> aio::Coro<> {
            while (co_await stream.next()) ++read;
        };
        auto reader = loop.create_task(read_on(pool.stream(wait_for_stop, folder.file("ended"))));
        while (read == 0) co_await aio::sleep(1ms);
        reader.cancel();
        co_await processes::appearance(folder.file("ended"));
        const int value = co_await loop.run_in_executor(pool, square, 2);
        CHECK(value == 4);
    }));
}

TEST_CASE("stream: an emit throws each time when nobody reads") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(patient());
        processes::Folder folder;
        const auto stream = pool.stream(swallow_stops, folder.file("ended"));
        co_await stream.next();
        co_await stream.aclose();
        CHECK(std::filesystem::exists(folder.file("ended")));
    }));
}

TEST_CASE("stream: a function that does not hear of its end loses its worker") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(hasty());
        processes::Folder folder;
        const auto stream = pool.stream(ignore_stops, folder.file("begun"));
        co_await stream.next();
        co_await processes::appearance(folder.file("begun"));
        co_await stream.aclose();
        CHECK(pool.statistics().busy == 0);
        const int value = co_await loop.run_in_executor(pool, square, 2);
        CHECK(value == 4);
    }));
}

TEST_CASE("stream: aclose wakes who waits for an item, with the end") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(patient());
        processes::Folder folder;
        const auto stream = pool.stream(wait_for_stop, folder.file("ended"));
        co_await stream.next();
        const auto step = [](const aio::ProcessStream<int>& from) -> aio::Coro<bool> {
            const auto item = co_await from.next();
            co_return item.has_value();
        };
        auto waiting = loop.create_task(step(stream));
        co_await aio::sleep(0s);
        co_await stream.aclose();
        const bool got = co_await waiting;
        CHECK_FALSE(got);
    }));
}

TEST_CASE("stream: one that is closed while its call waits for a worker never runs") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(hasty());
        processes::Folder folder;
        auto blocking = loop.run_in_executor(pool, stay, folder.file("begun"));
        co_await processes::appearance(folder.file("begun"));
        const auto stream = pool.stream(wait_for_stop, folder.file("ended"));
        CHECK(pool.statistics().queued == 1);
        co_await stream.aclose();
        CHECK(pool.statistics().queued == 0);
        blocking.cancel();
        const int value = co_await loop.run_in_executor(pool, square, 2);
        CHECK(value == 4);
        CHECK_FALSE(std::filesystem::exists(folder.file("ended")));
    }));
}

TEST_CASE(
    "stream: a timeout comes after the items that there are, also for a call that waits for its reader") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(patient());
        const auto stream = pool.stream(aio::ProcessCallOptions().timeout(20ms).buffersize(3), count_forever);
        while (pool.statistics().busy != 0 || pool.statistics().failed == 0) co_await aio::sleep(1ms);
        std::vector<int> items;
        const std::string end = co_await end_of(stream, items);
        CHECK(end == "timeout");
        CHECK(items.size() <= 3);
        CHECK(items == up_to(static_cast<int>(items.size())));
        const int value = co_await loop.run_in_executor(pool, square, 2);
        CHECK(value == 4);
    }));
}

TEST_CASE("stream: a loop may end, and a pool go, while a stream is open") {
    std::optional<aio::ProcessStream<int>> kept;
    std::optional<aio::ProcessPoolExecutor> pool;
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        pool.emplace(1);
        kept.emplace(pool->stream(count_forever));
        const auto first = co_await kept->next();
        CHECK(first == 1);
        // One that is still to be begun.
        kept.emplace(pool->stream(count_to, 5));
    }));
    kept.reset();
    pool.reset();
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        pool.emplace(1);
        const auto stream = pool->stream(count_forever);
        co_await stream.next();
        pool.reset();
        std::vector<int> items;
        const std::string end = co_await end_of(stream, items);
        CHECK(end.find("destroyed") != std::string::npos);
    }));
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("stream: a loop may be closed while a task waits for an item") {
    std::optional<aio::ProcessPoolExecutor> pool;
    aio::test::TestLoop test;
    const auto read = [](aio::ProcessStream<int> stream, int& count) -> aio::Coro<> {
        while (co_await stream.next()) ++count;
    };
    int count = 0;
    const auto body = [&]() -> aio::Coro<> {
        processes::Folder folder;
        pool.emplace(1);
        auto& loop = aio::get_running_loop();
        static_cast<void>(loop.create_task(read(pool->stream(wait_for_stop, folder.file("ended")), count)));
        while (count == 0) co_await aio::sleep(0s);
    };
    test.loop.run_until_complete(body());
    test.loop.close();
    CHECK(count == 1);
    pool.reset();
    CHECK(patience::until([] { return processes::workers() == 0; }));
}

TEST_CASE("rule 82: a stream is opened and read in the loop of its pool") {
    std::optional<aio::ProcessPoolExecutor> pool;
    aio::test::TestLoop first;
    first.loop.run_until_complete([](std::optional<aio::ProcessPoolExecutor>& p) -> aio::Coro<> {
        p.emplace(1);
        co_return;
    }(pool));
    CHECK_THROWS_AS(static_cast<void>(pool->stream(count_to, 1)), aio::RuntimeError);
    CHECK(processes::in_time([&]() -> aio::Coro<> {
        CHECK_THROWS_AS(static_cast<void>(pool->stream(count_to, 1)), aio::RuntimeError);
        co_return;
    }));
    pool.reset();
}
