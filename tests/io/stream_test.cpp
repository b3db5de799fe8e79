#include <aio/io/stream.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/tcp_listener.hpp>

#include "stream_help.hpp"

using namespace std::chrono_literals;
using io_test::bytes;
using io_test::error_of;
using io_test::fill;
using io_test::read_all;
using io_test::StreamPair;
using io_test::text_of;
using io_test::turn;

TEST_CASE("stream: bytes arrive, and the end is a read of nothing, again and again") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        std::array<std::byte, 100> memory;
        co_await pair.a.write_all(bytes("hello"));
        const std::size_t count = co_await pair.b.read_some(memory);
        CHECK(text_of(memory, count) == "hello");
        pair.a.close();
        CHECK(!pair.a.is_open());
        const std::size_t end = co_await pair.b.read_some(memory);
        const std::size_t again = co_await pair.b.read_some(memory);
        CHECK(end == 0);
        CHECK(again == 0);
    }());
}

TEST_CASE(
    "stream: a reader that waits is woken; pieces smaller than what came leave the rest for the next read") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        auto reader = aio::create_task(
            [](aio::Stream& stream) -> aio::Coro<std::string> {
                std::array<std::byte, 3> memory;
                std::string text;
                while (text.size() < 9) {
                    const std::size_t count = co_await stream.read_some(memory);
                    text += text_of(memory, count) + "|";
                }
                co_return text;
            },
            std::ref(pair.b));
        co_await turn();
        co_await pair.a.write_all(bytes("abcdefg"));
        const std::string text = co_await reader;
        CHECK(text == "abc|def|g|");
    }());
}

TEST_CASE("stream: reading into no memory and writing no bytes do nothing") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        const std::size_t count = co_await pair.b.read_some({});
        CHECK(count == 0);
        co_await pair.a.write_all({});
    }());
}

TEST_CASE("stream: large memory is read into directly and whole") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        const std::string text = io_test::long_text(3'000'000);
        auto writer = aio::create_task(
            [](aio::Stream& stream, const std::string& data) -> aio::Coro<> {
                co_await stream.write_all(bytes(data));
                stream.close();
            },
            std::ref(pair.a), std::cref(text));
        const std::string received = co_await read_all(pair.b, 100'000);
        CHECK((received == text));
        co_await writer;
    }());
}

TEST_CASE("stream: half close: the peer reads the end and can still answer") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        co_await pair.a.write_all(bytes("question"));
        co_await pair.a.shutdown_write();
        co_await pair.a.shutdown_write();
        const std::string question = co_await read_all(pair.b);
        CHECK(question == "question");
        co_await pair.b.write_all(bytes("answer"));
        pair.b.close();
        const std::string answer = co_await read_all(pair.a);
        CHECK(answer == "answer");
        bool refused = false;
        try {
            co_await pair.a.write_all(bytes("more"));
        } catch (const aio::RuntimeError&) {
            refused = true;
        }
        CHECK(refused);
    }());
}

TEST_CASE("stream: cancelling a read loses no bytes") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        auto reader = aio::create_task(
            [](aio::Stream& stream) -> aio::Coro<> {
                std::array<std::byte, 8192> memory;
                co_await stream.read_some(memory);
            },
            std::ref(pair.b));
        co_await turn();
        co_await pair.a.write_all(bytes("kept"));
        reader.cancel();
        bool cancelled = false;
        try {
            co_await reader;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        pair.a.close();
        const std::string text = co_await read_all(pair.b);
        CHECK(text == "kept");
    }());
}

TEST_CASE("stream: a cancellation after the bytes have been delivered does not take them away") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        std::string seen;
        auto reader = aio::create_task(
            [](aio::Stream& stream, std::string& text) -> aio::Coro<> {
                std::array<std::byte, 100> memory;
                const std::size_t count = co_await stream.read_some(memory);
                text = text_of(memory, count);
                co_await aio::sleep(10s);
            },
            std::ref(pair.b), std::ref(seen));
        StreamPair earlier;
        auto canceller = aio::create_task(
            [](aio::Stream& stream, aio::Task<> task) -> aio::Coro<> {
                std::array<std::byte, 1> memory;
                co_await stream.read_some(memory);
                task.cancel();
            },
            std::ref(earlier.b), reader);
        co_await turn();
        // Both become readable in the same poll, the canceller first: when it runs, the reader has its bytes
        // and has not had its turn.
        co_await earlier.a.write_all(bytes("x"));
        co_await pair.a.write_all(bytes("delivered"));
        bool cancelled = false;
        try {
            co_await reader;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        CHECK(seen == "delivered");
    }());
}

TEST_CASE("stream: a second reader, and a second writer, are refused") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        auto reader =
            aio::create_task(read_all, std::ref(static_cast<aio::Stream&>(pair.b)), std::size_t(10));
        const std::string much = io_test::long_text(8'000'000);
        auto writer = aio::create_task(
            [](aio::Stream& stream, const std::string& data) -> aio::Coro<> {
                co_await stream.write_all(bytes(data));
            },
            std::ref(pair.b), std::cref(much));
        co_await turn();
        std::array<std::byte, 10> memory;
        int refused = 0;
        try {
            co_await pair.b.read_some(memory);
        } catch (const aio::RuntimeError&) {
            ++refused;
        }
        try {
            co_await pair.b.write_all(bytes("x"));
        } catch (const aio::RuntimeError&) {
            ++refused;
        }
        CHECK(refused == 2);
        CHECK(!reader.done());
        CHECK(!writer.done());
        pair.b.abort();
        const std::error_code read_error = co_await error_of(std::move(reader));
        const std::error_code write_error = co_await error_of(std::move(writer));
        CHECK(read_error == std::errc::operation_canceled);
        CHECK(write_error == std::errc::operation_canceled);
    }());
}

TEST_CASE("stream: closing wakes its reader and its writer, and later use is refused") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        const std::string much = io_test::long_text(8'000'000);
        auto reader =
            aio::create_task(read_all, std::ref(static_cast<aio::Stream&>(pair.a)), std::size_t(10));
        auto writer = aio::create_task(
            [](aio::Stream& stream, const std::string& data) -> aio::Coro<> {
                co_await stream.write_all(bytes(data));
            },
            std::ref(pair.a), std::cref(much));
        co_await turn();
        pair.a.close();
        const std::error_code read_error = co_await error_of(std::move(reader));
        const std::error_code write_error = co_await error_of(std::move(writer));
        CHECK(read_error == std::errc::operation_canceled);
        CHECK(write_error == std::errc::operation_canceled);
        const std::error_code later = co_await error_of(
            [](aio::Stream& stream) -> aio::Coro<> { co_await stream.write_all(bytes("x")); }(pair.a));
        CHECK(later == std::errc::bad_file_descriptor);
        const std::error_code later_read = co_await error_of(read_all(pair.a, 10));
        CHECK(later_read == std::errc::bad_file_descriptor);
    }());
}

TEST_CASE("stream: destroying a stream wakes whoever waits in it") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        std::optional<aio::PipeStream> moved(std::move(pair.a));
        auto reader =
            aio::create_task(read_all, std::ref(static_cast<aio::Stream&>(*moved)), std::size_t(10));
        co_await turn();
        moved.reset();
        const std::error_code error = co_await error_of(std::move(reader));
        CHECK(error == std::errc::operation_canceled);
    }());
}

TEST_CASE("stream: a slow reader makes its writer wait, and gets everything in order") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        std::size_t written = 0;
        auto writer = aio::create_task(
            [](aio::Stream& stream, std::size_t& count) -> aio::Coro<> {
                for (int i = 0; i < 3000; ++i) {
                    const std::string piece = io_test::long_text(1000 + static_cast<std::size_t>(i));
                    co_await stream.write_all(bytes(piece));
                    count += piece.size();
                }
                stream.close();
            },
            std::ref(pair.a), std::ref(written));
        for (int i = 0; i < 20; ++i) co_await turn();
        CHECK(!writer.done());
        CHECK(pair.a.write_queue_size() <= 64 * 1024 + 5000);
        std::string expected;
        for (int i = 0; i < 3000; ++i) expected += io_test::long_text(1000 + static_cast<std::size_t>(i));
        const std::string received = co_await read_all(pair.b, 777);
        CHECK((received == expected));
        co_await writer;
        CHECK(written == expected.size());
    }());
}

TEST_CASE("stream: bytes of a finished write are sent although the stream is closed after it") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        std::string expected = co_await fill(pair.a);
        CHECK(pair.a.write_queue_size() > 0);
        pair.a.close();
        const std::string received = co_await read_all(pair.b);
        CHECK((received == expected));
    }());
}

TEST_CASE("stream: a cancelled write that waits is finished before the cancellation is delivered") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        const std::string much = io_test::long_text(4'000'000);
        auto writer = aio::create_task(
            [](aio::Stream& stream, const std::string& data) -> aio::Coro<> {
                co_await stream.write_all(bytes(data));
            },
            std::ref(pair.a), std::cref(much));
        co_await turn();
        writer.cancel();
        co_await turn();
        CHECK(!writer.done());
        std::string received = co_await io_test::read_count(pair.b, much.size());
        CHECK((received == much));
        bool cancelled = false;
        try {
            co_await writer;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        CHECK(pair.a.is_open());
    }());
}

TEST_CASE("stream: a second cancellation of a write gives the stream up") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        const std::string much = io_test::long_text(4'000'000);
        auto writer = aio::create_task(
            [](aio::Stream& stream, const std::string& data) -> aio::Coro<> {
                co_await stream.write_all(bytes(data));
            },
            std::ref(pair.a), std::cref(much));
        co_await turn();
        writer.cancel();
        writer.cancel();
        bool cancelled = false;
        try {
            co_await writer;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        CHECK(!pair.a.is_open());
    }());
}

TEST_CASE("stream: a cancelled write against a peer that never reads ends all the same") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        const std::string much = io_test::long_text(4'000'000);
        auto writer = aio::create_task(
            [](aio::Stream& stream, const std::string& data) -> aio::Coro<> {
                co_await stream.write_all(bytes(data));
            },
            std::ref(pair.a), std::cref(much));
        co_await turn();
        const auto before = aio::get_running_loop().time();
        writer.cancel();
        bool cancelled = false;
        try {
            co_await writer;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        CHECK(!pair.a.is_open());
        CHECK(aio::get_running_loop().time() - before >= 1s);
    }());
}

TEST_CASE("stream: writing to a peer that has gone fails, and goes on failing") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        pair.b.close();
        co_await turn();
        const std::error_code error = co_await error_of([](aio::Stream& stream) -> aio::Coro<> {
            for (;;) co_await stream.write_all(bytes("anybody there?"));
        }(pair.a));
#if defined(_WIN32)
        CHECK((error == std::errc::connection_reset || error == std::errc::connection_aborted));
#else
        CHECK(error == std::errc::broken_pipe);
#endif
        const std::error_code again = co_await error_of(
            [](aio::Stream& stream) -> aio::Coro<> { co_await stream.write_all(bytes("hello?")); }(pair.a));
        CHECK(again == error);
    }());
}

TEST_CASE("stream: two tasks that keep each other busy do not keep the loop to themselves") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        // Both directions always have room and bytes: neither await below ever has to wait.
        co_await pair.a.write_all(bytes(io_test::long_text(60'000)));
        auto busy = aio::create_task(
            [](StreamPair& p) -> aio::Coro<> {
                std::array<std::byte, 1> one;
                for (;;) {
                    co_await p.b.read_some(one);
                    co_await p.a.write_all(one);
                }
            },
            std::ref(pair));
        for (int i = 0; i < 10; ++i) co_await aio::sleep(0s);
        co_await aio::sleep(1ms);
        CHECK(!busy.done());
        busy.cancel();
        bool cancelled = false;
        try {
            co_await busy;
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
    }());
}

TEST_CASE("stream: a loop may be destroyed with open streams and tasks suspended in them") {
    aio::EventLoop loop;
    loop.set_exception_handler([](aio::EventLoop&, const aio::ErrorContext&) {});
    StreamPair outside(loop);
    const std::string much = io_test::long_text(4'000'000);
    auto reader = loop.create_task(read_all, std::ref(static_cast<aio::Stream&>(outside.a)), std::size_t(10));
    auto writer = loop.create_task(
        [](aio::Stream& stream) -> aio::Coro<> {
            const std::string own = io_test::long_text(4'000'000);
            co_await stream.write_all(bytes(own));
        },
        std::ref(outside.a));
    auto inside = loop.create_task([]() -> aio::Coro<> {
        StreamPair pair;
        co_await read_all(pair.a, 10);
    });
    loop.run_until_complete(turn());
    loop.close();
    CHECK(!outside.a.is_open());
    outside.b.close();
}

TEST_CASE("stream: pipes carry bytes one way; the wrong way is an error") {
    aio::EventLoop loop;
    loop.run_until_complete([](aio::EventLoop& l) -> aio::Coro<> {
        aio::uv::PipeEnds ends = aio::uv::make_pipe();
        aio::PipeStream in(l, std::move(ends.read));
        aio::PipeStream out(l, std::move(ends.write));
        co_await out.write_all(bytes("one way"));
        out.close();
        const std::string text = co_await read_all(in, 100);
        CHECK(text == "one way");
        const std::error_code error = co_await error_of(
            [](aio::Stream& stream) -> aio::Coro<> { co_await stream.write_all(bytes("back")); }(in));
        CHECK(error);
    }(loop));
}

TEST_CASE("stream: one that was moved from is refused") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        aio::PipeStream taken = std::move(pair.a);
        CHECK(!pair.a.is_open());
        CHECK_THROWS_AS(static_cast<void>(pair.a.write_all(bytes("x"))), aio::RuntimeError);
        pair.a.close();
        co_return;
    }());
}

TEST_CASE("stream: closing reaches a reader that only gives way") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        StreamPair pair;
        const std::string text = io_test::long_text(1000);
        co_await pair.a.write_all(bytes(text));
        auto reader = aio::create_task(read_all, std::ref(static_cast<aio::Stream&>(pair.b)), std::size_t(1));
        // Bytes wait to be read one by one: the reader takes 64 in each of its turns, and gives way in
        // between.
        for (int i = 0; i < 3; ++i) co_await aio::sleep(0s);
        CHECK(!reader.done());
        pair.b.close();
        const std::error_code error = co_await error_of(std::move(reader));
        CHECK(error == std::errc::operation_canceled);
    }());
}
