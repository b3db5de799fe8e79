#include <aio/testing/memory_stream.hpp>

#include <array>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>

#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;
using io_test::bytes;
using io_test::error_of;

namespace {

/// The sizes in which bytes arrive.
Coro<std::vector<std::size_t>> sizes_of_reads(Stream& stream, std::size_t memory_size) {
    std::vector<std::byte> memory(memory_size);
    std::vector<std::size_t> sizes;
    for (;;) {
        const std::size_t count = co_await stream.read_some(memory);
        if (count == 0) co_return sizes;
        sizes.push_back(count);
    }
}

} // namespace

TEST_CASE("memory stream: bytes go both ways, and the end after them") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        co_await a.write_all(bytes("question"));
        co_await a.shutdown_write();
        const std::string question = co_await io_test::read_all(b);
        CHECK(question == "question");
        co_await b.write_all(bytes("answer"));
        b.close();
        const std::string answer = co_await io_test::read_all(a);
        CHECK(answer == "answer");
        bool refused = false;
        try {
            co_await a.write_all(bytes("more"));
        } catch (const RuntimeError&) {
            refused = true;
        }
        CHECK(refused);
    });
}

TEST_CASE("memory stream: pieces have the chosen sizes, in turn, for small and for large memory") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const MemoryStreamOptions options = MemoryStreamOptions().chunk_sizes({1, 2, 3});
        for (const std::size_t memory : {std::size_t(100), std::size_t(5000)}) {
            auto [a, b] = MemoryStream::pair(options);
            co_await a.write_all(bytes("abcdefghij"));
            a.close();
            const std::vector<std::size_t> sizes = co_await sizes_of_reads(b, memory);
            const std::size_t expected[] = {1, 2, 3, 1, 2, 1};
            CHECK(std::equal(sizes.begin(), sizes.end(), std::begin(expected), std::end(expected)));
        }
    });
    CHECK_THROWS_AS(MemoryStreamOptions().chunk_size(0), ValueError);
}

TEST_CASE("memory stream: a piece that does not fit comes in parts") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair(MemoryStreamOptions().chunk_size(5));
        co_await a.write_all(bytes("abcdefghij"));
        a.close();
        const std::vector<std::size_t> sizes = co_await sizes_of_reads(b, 3);
        const std::size_t expected[] = {3, 2, 3, 2};
        CHECK(std::equal(sizes.begin(), sizes.end(), std::begin(expected), std::end(expected)));
    });
}

TEST_CASE("memory stream: a reader that waits is woken by a write, and by the end") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        auto reader = create_task([](Stream& stream) { return io_test::read_all(stream); }, std::ref(b));
        co_await rounds(5);
        co_await a.write_all(bytes("one"));
        co_await rounds(5);
        co_await a.write_all(bytes("two"));
        a.close();
        const std::string text = co_await reader;
        CHECK(text == "onetwo");
    });
}

TEST_CASE("memory stream: a writer waits for a reader that is slow, and everything arrives") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const std::size_t capacity : {std::size_t(0), std::size_t(1), std::size_t(1000)}) {
            auto [a, b] = MemoryStream::pair(MemoryStreamOptions().capacity(capacity));
            const std::string text = io_test::long_text(200'000);
            auto writer = create_task(
                [](Stream& stream, const std::string& data) -> Coro<> {
                    co_await stream.write_all(bytes(data));
                    stream.close();
                },
                std::ref(a), std::cref(text));
            co_await rounds(20);
            CHECK_FALSE(writer.done());
            CHECK(a.write_queue_size() >= text.size() - 2 * capacity - 1);
            const std::string received = co_await io_test::read_all(b);
            CHECK((received == text));
            co_await writer;
        }
    });
}

TEST_CASE("memory stream: bytes that a closed end had queued still arrive; those of an aborted one do not") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const MemoryStreamOptions options = MemoryStreamOptions().capacity(10);
        for (const bool abort : {false, true}) {
            auto [a, b] = MemoryStream::pair(options);
            co_await a.write_all(bytes("0123456789 and more"));
            CHECK(a.write_queue_size() == 9);
            if (abort)
                a.abort();
            else
                a.close();
            const std::string text = co_await io_test::read_all(b);
            CHECK(text == (abort ? "0123456789" : "0123456789 and more"));
        }
    });
}

TEST_CASE("memory stream: writing to an end that has gone is an error, also for a write that waits") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair(MemoryStreamOptions().capacity(10));
        const std::string text = io_test::long_text(100'000);
        auto writer = create_task(error_of(a.write_all(bytes(text))));
        co_await rounds(5);
        CHECK_FALSE(writer.done());
        b.close();
        const std::error_code waiting = co_await writer;
        CHECK(waiting == std::errc::broken_pipe);
        const std::error_code later = co_await error_of(a.write_all(bytes("x")));
        CHECK(later == std::errc::broken_pipe);
    });
}

TEST_CASE("memory stream: an end that has sent everything closes well, though the other has gone already") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair();
        StreamConnection connection(std::move(ends.first));
        connection.writer.write("all");
        connection.writer.write_eof();
        const std::string all = co_await io_test::read_all(ends.second);
        CHECK(all == "all");
        ends.second.close();
        const std::string end = co_await connection.reader.read();
        CHECK(end.empty());
        connection.writer.close();
        co_await connection.writer.wait_closed();
    });
}

TEST_CASE("memory stream: reads fail after the byte that was chosen, for good") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        b.fail_reads(std::errc::connection_reset, 3);
        co_await a.write_all(bytes("abcdef"));
        std::array<std::byte, 100> memory;
        const std::size_t count = co_await b.read_some(memory);
        CHECK(io_test::text_of(memory, count) == "abc");
        const std::error_code first = co_await error_of(b.read_some(memory));
        const std::error_code second = co_await error_of(b.read_some(memory));
        CHECK(first == std::errc::connection_reset);
        CHECK(second == std::errc::connection_reset);
        // The other direction is not concerned.
        co_await b.write_all(bytes("still"));
        const std::size_t other = co_await a.read_some(memory);
        CHECK(other == 5);
    });
}

TEST_CASE("memory stream: an error reaches a reader that waits already") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        std::array<std::byte, 100> memory;
        auto reader = create_task(error_of(b.read_some(memory)));
        co_await rounds(5);
        b.fail_reads(std::errc::timed_out);
        const std::error_code error = co_await reader;
        CHECK(error == std::errc::timed_out);
        CHECK_THROWS_AS(b.fail_reads(std::errc::not_a_stream), std::system_error);
        CHECK_THROWS_AS(b.fail_reads(std::errc()), ValueError);
        static_cast<void>(a);
    });
}

TEST_CASE("memory stream: writes fail after the byte that was chosen; what came before arrives") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const std::size_t size : {std::size_t(100), std::size_t(300'000)}) {
            for (const std::size_t after : {std::size_t(0), std::size_t(50)}) {
                auto [a, b] = MemoryStream::pair(MemoryStreamOptions().capacity(20));
                a.fail_writes(std::errc::connection_reset, after);
                const std::string text = io_test::long_text(size);
                auto reader = create_task([](Stream& s) { return io_test::read_all(s); }, std::ref(b));
                const std::error_code error = co_await error_of(a.write_all(bytes(text)));
                CHECK(error == std::errc::connection_reset);
                const std::error_code again = co_await error_of(a.write_all(bytes(text)));
                CHECK(again == std::errc::connection_reset);
                a.close();
                const std::string received = co_await reader;
                CHECK(received == text.substr(0, after));
            }
        }
    });
}

TEST_CASE("memory stream: time stands still for it, so that a timeout strikes only when nothing comes") {
    run_in_loop([](EventLoop& loop) -> Coro<> {
        auto [a, b] = MemoryStream::pair(MemoryStreamOptions().chunk_size(1));
        const TimePoint before = loop.time();
        co_await a.write_all(bytes("in no time"));
        const std::string text = co_await wait_for(io_test::read_count(b, 10), 1ms);
        CHECK(text == "in no time");
        CHECK(loop.time() == before);
        const std::string silence = co_await outcome(wait_for(io_test::read_count(b, 1), 1h));
        CHECK(silence == "timeout");
        CHECK(loop.time() == before + 1h);
    });
}

TEST_CASE("memory stream: ends outlive each other, their tasks and their loop") {
    std::vector<MemoryStream> kept;
    {
        TestLoop test;
        auto [a, b] = MemoryStream::pair(test.loop);
        test.loop.run_until_complete([](Stream& first, Stream& second) -> Coro<> {
            create_task([](Stream& s) { return io_test::read_all(s); }, std::ref(first));
            co_await rounds(3);
            co_await second.write_all(bytes("unread"));
        }(a, b));
        kept.push_back(std::move(a));
    }
    CHECK_FALSE(kept[0].is_open());
}
