#include "shared_buffer_help_posix.hpp"
#include "stream_help_posix.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <csignal>
#include <ranges>
#include <string>
#include <vector>

using namespace std::chrono_literals;
using namespace buffers;
using namespace streams;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

SharedBuffer filled(int value, std::size_t bytes) {
    SharedBuffer buffer(bytes);
    std::ranges::fill(buffer.span<int>(), value);
    return buffer;
}
bool is_filled(const SharedBuffer& buffer, int value, std::size_t bytes) {
    return buffer.size() == bytes &&
           std::ranges::all_of(buffer.span<int>(), [value](int each) { return each == value; });
}

struct Frame {
    int number;
    SharedBuffer pixels;
};

void film(Emit<Frame> emit, int count, std::size_t bytes) {
    for (int i = 1; i <= count; ++i) emit(Frame{i, filled(i, bytes)});
}
void film_and_die(Emit<Frame> emit, std::size_t bytes) {
    film(emit, 2, bytes);
    ::kill(::getpid(), SIGKILL);
}
void endless_film(Emit<Frame> emit, std::size_t bytes) {
    for (int i = 1;; ++i) emit(Frame{i, filled(i, bytes)});
}
/// Holds on to all that it has emitted.
void film_and_keep(Emit<Frame> emit, int count, std::size_t bytes) {
    std::vector<Frame> kept;
    for (int i = 1; i <= count; ++i) {
        kept.push_back(Frame{i, filled(i, bytes)});
        emit(kept.back());
        if (i % 8 == 0) kept.clear();
    }
}
int mappings_after(Emit<SharedBuffer> emit, int count) {
    for (int i = 1; i <= count; ++i) emit(filled(i, mebibyte));
    emit(filled(static_cast<int>(mappings()), sizeof(int)));
    return 0;
}
void echo(Emit<SharedBuffer> emit, SharedBuffer given, int count) {
    for (int i = 1; i <= count; ++i) {
        given.span<int>()[0] = i;
        emit(given);
    }
}
void large_texts(Emit<std::string> emit, int count) {
    for (int i = 1; i <= count; ++i) emit(std::string(mebibyte, static_cast<char>('a' + i % 26)));
}
bool kept_static(const SharedBuffer& buffer) { return buffer.size() > 0; }
void keep_for_good(Emit<SharedBuffer> emit, int value) {
    static const SharedBuffer buffer = filled(value, 4096);
    emit(buffer);
    emit(buffer);
}

} // namespace

TEST_CASE("stream: items with shared memory arrive whole, and stay so when the call has ended") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        std::vector<Frame> kept;
        {
            const auto stream = pool.stream(film, 20, mebibyte / 4);
            kept = co_await read_all(stream);
        }
        REQUIRE(kept.size() == 20);
        for (int i = 1; i <= 20; ++i) {
            const Frame& frame = kept[static_cast<std::size_t>(i - 1)];
            if (frame.number != i || !is_filled(frame.pixels, i, mebibyte / 4)) FAIL("frame ", i);
        }
    }));
}

TEST_CASE("stream: memory that the worker holds on to is not used for further items") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto stream = pool.stream(film_and_keep, 100, std::size_t{65'536});
        int number = 0;
        while (const auto frame = co_await stream.next()) {
            ++number;
            if (frame->number != number || !is_filled(frame->pixels, number, 65'536)) FAIL("frame ", number);
        }
        CHECK(number == 100);
    }));
}

TEST_CASE("stream: the memory of items that have been read is used again while the call runs") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto stream =
            pool.stream(aio::ProcessCallOptions().buffer_bytes(4 * mebibyte), mappings_after, 300);
        int read = 0;
        int mapped = 0;
        while (const auto item = co_await stream.next()) {
            ++read;
            if (read <= 300 && !is_filled(*item, read, mebibyte)) FAIL("item ", read);
            if (read == 301) mapped = item->span<int>()[0];
        }
        CHECK(read == 301);
        CHECK(mapped > 0);
        CHECK(mapped <= 16);
    }));
}

TEST_CASE("stream: shared memory counts for the buffer_bytes") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        const Clean clean;
        aio::ProcessPoolExecutor pool(1);
        const std::size_t before = processes::descriptors();
        const auto stream =
            pool.stream(aio::ProcessCallOptions().buffer_bytes(2 * mebibyte), film, 50, mebibyte);
        while (pool.statistics().busy == 0) co_await aio::sleep(1ms);
        int read = 0;
        while (const auto frame = co_await stream.next()) {
            ++read;
            // Two that are waiting, one in the hand, one more that the worker still holds.
            CHECK(processes::descriptors() <= before + 20);
        }
        CHECK(read == 50);
    }));
}

TEST_CASE("stream: a call emits the memory that it was given, time and again") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const SharedBuffer given = filled(0, 4096);
        const auto stream = pool.stream(aio::ProcessCallOptions().buffersize(1), echo, given, 50);
        int read = 0;
        while (const auto item = co_await stream.next()) {
            ++read;
            CHECK(item->bytes().data() == given.bytes().data());
        }
        CHECK(read == 50);
        CHECK(given.span<int>()[0] == 50);
    }));
}

TEST_CASE("stream: memory that a program in a worker keeps for good is emitted by one call after the other") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(1);
        for (int i = 0; i < 3; ++i) {
            const auto stream = pool.stream(keep_for_good, 7);
            int read = 0;
            while (const auto item = co_await stream.next()) {
                ++read;
                CHECK(is_filled(*item, 7, 4096));
            }
            CHECK(read == 2);
            const bool kept = co_await loop.run_in_executor(pool, kept_static, filled(1, 64));
            CHECK(kept);
        }
    }));
}

TEST_CASE("stream: items that are too large for the pipe take their way through shared memory") {
    CHECK(processes::in_time([]() -> aio::Coro<> {
        aio::ProcessPoolExecutor pool(1);
        const auto stream = pool.stream(large_texts, 40);
        int read = 0;
        while (const auto item = co_await stream.next()) {
            ++read;
            if (item->size() != mebibyte || item->back() != static_cast<char>('a' + read % 26)) FAIL(read);
        }
        CHECK(read == 40);
    }));
}

TEST_CASE("stream: the memory of items is given back, however the stream ends") {
    const std::size_t before = processes::descriptors();
    const Clean clean;
    CHECK(processes::in_time([]() -> aio::Coro<> {
        auto& loop = aio::get_running_loop();
        aio::ProcessPoolExecutor pool(aio::ProcessPoolOptions().max_workers(1).stop_grace(1h).kill_grace(1h));
        co_await loop.run_in_executor(pool, square, 1);
        const std::size_t at_first = processes::descriptors();
        const auto settle = [at_first]() -> aio::Coro<> {
            while (processes::descriptors() != at_first) co_await aio::sleep(1ms);
        };
        for (int i = 0; i < 3; ++i) {
            {
                const auto whole = pool.stream(film, 10, mebibyte);
                const std::vector<Frame> frames = co_await read_all(whole);
                CHECK(frames.size() == 10);
            }
            co_await settle();
            {
                const auto closed = pool.stream(endless_film, mebibyte);
                co_await closed.next();
                co_await closed.aclose();
            }
            co_await settle();
            {
                const auto dropped = pool.stream(endless_film, mebibyte);
                co_await dropped.next();
            }
            co_await loop.run_in_executor(pool, square, 1);
            co_await settle();
            {
                const auto crashing = pool.stream(film_and_die, mebibyte);
                std::vector<Frame> frames;
                const std::string end = co_await end_of(crashing, frames);
                CHECK(end == "signal 9");
                CHECK(frames.size() == 2);
                CHECK(is_filled(frames[1].pixels, 2, mebibyte));
            }
            co_await loop.run_in_executor(pool, square, 1);
            co_await settle();
        }
    }));
    CHECK(patience::until([before] { return processes::descriptors() <= before + 1; }));
}
