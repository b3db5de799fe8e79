#include "shared_buffer_help_posix.hpp"

#include <aio/executors/wrap_future.hpp>
#include <aio/workers/named_task.hpp>
#include <aio/workers/worker_task.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <new>
#include <numeric>
#include <ranges>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

// Shared buffers together with the options of pools and calls.

using namespace std::chrono_literals;
using namespace buffers;

namespace {

std::size_t length(const std::string& text) { return text.size(); }

SharedBuffer noted;
void note(SharedBuffer buffer) { noted = std::move(buffer); }
SharedBuffer give_noted() { return noted; }

/// Writes how often it has been begun, and dies before the last time.
SharedBuffer die_before(SharedBuffer notes, unsigned last, const std::string& text) {
    const unsigned attempt = aio::worker_task().attempt();
    notes.span<unsigned>()[attempt] = attempt;
    if (attempt < last) ::raise(SIGKILL);
    SharedBuffer result = SharedBuffer::copy_of(text);
    std::printf("attempt %u\n", attempt);
    return result;
}

/// Writes until it is asked to stop, and gives something new.
SharedBuffer write_until_stop(std::stop_token token, SharedBuffer notes, const std::string& begun,
                              const std::string& ended) {
    notes.span<int>()[0] = 1;
    processes::touch(begun);
    while (!token.stop_requested()) ::usleep(500);
    notes.span<int>()[0] = 2;
    processes::touch(ended);
    return SharedBuffer(million);
}
void write_and_stay(SharedBuffer notes, const std::string& begun) {
    notes.span<int>()[0] = 42;
    processes::begin_and_stay(begun);
}

SharedBuffer half_of(SharedBuffer buffer) { return buffer.slice(0, buffer.size() / 2); }

/// Does with a pool what can be done with shared buffers; gives what went wrong, or nothing.
aio::Coro<std::string> use(aio::ProcessPoolExecutor& pool) {
    aio::EventLoop& loop = aio::get_running_loop();
    const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(1000, 3));
    co_await loop.run_in_executor(pool, double_all, numbers);
    if (sum(numbers) != 6000) co_return "what the worker writes is not seen here";
    const SharedBuffer counted = co_await loop.run_in_executor(pool, count_up, 1000);
    if (sum(counted) != 499'500) co_return "the result is not what the worker made";
    const SharedBuffer back = co_await loop.run_in_executor(pool, same, counted);
    if (back.data() != counted.data()) co_return "what comes back is other memory";
    const std::string text(million, 'x');
    const std::string more = co_await loop.run_in_executor(pool, exclaim, text);
    if (more != text + '!') co_return "large text does not come back";
    co_return std::string();
}

/// Waits until nothing is in use any more, as the pool's workers tell when they come to it.
aio::Coro<> idle_again(std::size_t bytes) {
    while (SharedBuffer::idle_bytes() < bytes) co_await aio::sleep(1ms);
}

} // namespace

AIO_TASK("shared_buffer.half", half_of)

TEST_CASE("shared buffers reach workers of every start method, with their output captured and without") {
    for (const bool capture : {false, true}) {
        CAPTURE(capture);
        for (const auto method : {aio::StartMethod::zygote, aio::StartMethod::spawn}) {
            std::string wrong = "not used";
            CHECK(processes::in_time([&]() -> aio::Coro<> {
                aio::ProcessPoolExecutor pool(
                    aio::ProcessPoolOptions().max_workers(2).start_method(method).capture_output(capture));
                wrong = co_await use(pool);
            }));
            CHECK(wrong == "");
        }
        // In a copy of this program, which has one thread.
        const int code = processes::in_child([&] {
            std::string wrong = "not used";
            static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
                aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions()
                                                  .max_workers(2)
                                                  .start_method(aio::StartMethod::fork)
                                                  .capture_output(capture));
                wrong = co_await use(pool);
            }));
            return wrong.empty() ? 0 : 1;
        });
        CHECK(code == 0);
    }
}

TEST_CASE("a forked worker has the shared buffers of the process that it is a copy of") {
    const int code = processes::in_child([] {
        int result = 1;
        static_cast<void>(processes::in_time([&]() -> aio::Coro<> {
            aio::EventLoop& loop = aio::get_running_loop();
            noted = SharedBuffer::copy_of(std::vector<int>(100, 1));
            aio::ProcessPoolExecutor pool(
                aio::ProcessPoolOptions().max_workers(1).start_method(aio::StartMethod::fork));
            const SharedBuffer there = co_await loop.run_in_executor(pool, give_noted);
            noted.span<int>()[0] = 5;
            const SharedBuffer later = co_await loop.run_in_executor(pool, give_noted);
            result = sum(there) == 100 && sum(later) == 104 ? 0 : 2;
        }));
        return result;
    });
    CHECK(code == 0);
}

TEST_CASE("an initializer gets the contents of a shared buffer, in each worker its own") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(100, 1));
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).initializer(note, numbers));
        const SharedBuffer there = co_await loop.run_in_executor(pool, give_noted);
        CHECK(sum(there) == 100);
        CHECK(there.data() != numbers.data());
    }));
}

TEST_CASE("a call that is repeated after its worker has been killed has the same shared memory again") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).capture_output());
        // Short enough for the pipe, and too long for it.
        for (const std::size_t size : {std::size_t{10}, million}) {
            const SharedBuffer notes = SharedBuffer::copy_of(std::vector<unsigned>(100, 0));
            const aio::CallRecord record;
            const std::string text(size, 'x');
            const SharedBuffer result = co_await loop.run_in_executor(
                pool, aio::ProcessCallOptions().retries(2).record(record), die_before, notes, 3u, text);
            CHECK(std::ranges::equal(result.span<char>(), text));
            // Every attempt has written into it.
            CHECK(notes.span<unsigned>()[1] == 1);
            CHECK(notes.span<unsigned>()[2] == 2);
            CHECK(notes.span<unsigned>()[3] == 3);
            CHECK(record.report().attempts == 3);
            CHECK(record.report().output == "attempt 3\n");
        }
        const SharedBuffer notes = SharedBuffer::copy_of(std::vector<unsigned>(100, 0));
        bool poison = false;
        try {
            co_await loop.run_in_executor(pool, aio::ProcessCallOptions().retries(1), die_before, notes, 9u,
                                          std::string(million, 'x'));
        } catch (const aio::PoisonTask&) {
            poison = true;
        }
        CHECK(poison);
        CHECK(notes.span<unsigned>()[2] == 2);
    }));
}

TEST_CASE("the memory of calls that have died with their workers is used again") {
    SharedBuffer::set_idle_limit(0);
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        SharedBuffer::set_idle_limit(std::size_t{64} << 20);
        aio::ProcessPoolExecutor pool(1);
        const std::size_t capacity = std::size_t{1} << 20;
        for (int i = 0; i < 3; ++i) {
            bool crashed = false;
            try {
                SharedBuffer notes(million);
                co_await loop.run_in_executor(pool, die_before, std::move(notes), 9u, std::string());
            } catch (const aio::WorkerCrashed&) {
                crashed = true;
            }
            CHECK(crashed);
            co_await idle_again(capacity);
            CHECK(SharedBuffer::idle_bytes() == capacity);
        }
    }));
    SharedBuffer::set_idle_limit(std::size_t{256} << 20);
}

TEST_CASE("the memory of a call that is cancelled comes back, be it that it ends or that it is ended") {
    SharedBuffer::set_idle_limit(0);
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        SharedBuffer::set_idle_limit(std::size_t{64} << 20);
        const processes::Folder folder;
        const std::size_t capacity = std::size_t{1} << 20;
        {
            // So long that nothing is signalled.
            aio::ProcessPoolExecutor pool(
                aio::ProcessPoolOptions().max_workers(1).stop_grace(1h).kill_grace(1h));
            SharedBuffer notes(million);
            auto call =
                loop.run_in_executor(pool, write_until_stop, notes, folder.file("a"), folder.file("b"));
            co_await processes::appearance(folder.file("a"));
            CHECK(notes.span<int>()[0] == 1);
            CHECK(call.cancel());
            co_await processes::appearance(folder.file("b"));
            CHECK(notes.span<int>()[0] == 2);
            notes = SharedBuffer();
            // The argument, and the result that nobody wants.
            co_await idle_again(2 * capacity);
            CHECK(SharedBuffer::idle_bytes() == 2 * capacity);
            const SharedBuffer counted = co_await loop.run_in_executor(pool, count_up, 1000);
            CHECK(sum(counted) == 499'500);
        }
        SharedBuffer::set_idle_limit(0);
        SharedBuffer::set_idle_limit(std::size_t{64} << 20);
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(1).stop_grace(1ms).kill_grace(1ms));
        SharedBuffer notes(million);
        auto call = loop.run_in_executor(pool, write_and_stay, notes, folder.file("c"));
        co_await processes::appearance(folder.file("c"));
        CHECK(notes.span<int>()[0] == 42);
        CHECK(call.cancel());
        notes = SharedBuffer();
        co_await idle_again(capacity);
        CHECK(SharedBuffer::idle_bytes() == capacity);
        std::string wrong = co_await use(pool);
        CHECK(wrong == "");
    }));
    SharedBuffer::set_idle_limit(std::size_t{256} << 20);
}

TEST_CASE("the memory of a call that has taken too long comes back when its worker has ended") {
    SharedBuffer::set_idle_limit(0);
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        SharedBuffer::set_idle_limit(std::size_t{64} << 20);
        const processes::Folder folder;
        aio::ProcessPoolExecutor pool(
            aio::ProcessPoolOptions().max_workers(1).stop_grace(1ms).kill_grace(1ms));
        bool late = false;
        try {
            SharedBuffer notes(million);
            co_await loop.run_in_executor(pool, aio::ProcessCallOptions().timeout(1ms), write_and_stay,
                                          std::move(notes), folder.file("begun"));
        } catch (const aio::TimeoutError&) {
            late = true;
        }
        CHECK(late);
        co_await idle_again(std::size_t{1} << 20);
        CHECK(SharedBuffer::idle_bytes() == std::size_t{1} << 20);
    }));
    SharedBuffer::set_idle_limit(std::size_t{256} << 20);
}

TEST_CASE("a limit of memory does not count shared memory") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const SharedBuffer numbers = SharedBuffer::copy_of(std::vector<int>(8 * million, 1));
        const long total = co_await loop.run_in_executor(
            pool, aio::ProcessCallOptions().memory_limit(4u << 20), sum, numbers);
        CHECK(total == 8 * static_cast<long>(million));
        const SharedBuffer made = co_await loop.run_in_executor(
            pool, aio::ProcessCallOptions().memory_limit(4u << 20), count_up, 8'000'000);
        CHECK(made.span<int>().back() == 7'999'999);
        const std::string text(3 * million, 'x');
        const std::size_t size = co_await loop.run_in_executor(
            pool, aio::ProcessCallOptions().memory_limit(8u << 20), length, text);
        CHECK(size == text.size());
    }));
}

TEST_CASE("a named task takes and gives shared buffers") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::EventLoop& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        const auto half = aio::named_task<SharedBuffer(SharedBuffer)>("shared_buffer.half");
        const SharedBuffer whole(million);
        const SharedBuffer part = co_await loop.run_in_executor(pool, half, whole);
        CHECK(part.data() == whole.data());
        CHECK(part.size() == million / 2);
    }));
}
