#include <aio/io/stream_writer.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>

#include "connection_help.hpp"
#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;
using io_test::ConnectionPair;
using io_test::error_of;

namespace {

const std::string kilobyte(1024, 'x');

/// Nothing is taken from the writer before the other end reads.
MemoryStreamOptions nothing_between() { return MemoryStreamOptions().capacity(0); }

/// What a call throws that is an error of the system; success if it throws none.
template <class F>
std::error_code code_of(F&& function) {
    try {
        function();
    } catch (const std::system_error& error) {
        return error.code();
    }
    return std::error_code();
}

} // namespace

TEST_CASE("stream writer: what is written arrives, in order, in whatever way it was written") {
    for (const bool sockets : {false, true}) {
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete([](bool of_sockets) -> Coro<> {
            ConnectionPair pair = of_sockets ? ConnectionPair::of_sockets() : ConnectionPair();
            pair.a.writer.write("one ");
            std::vector<std::string> pieces;
            pieces.push_back("two ");
            pieces.push_back("three ");
            pair.a.writer.writelines(pieces);
            co_await pair.a.writer.write_all("four ");
            pair.a.writer.write("");
            const std::vector<std::byte> five(4, std::byte('5'));
            pair.a.writer.write(five);
            co_await pair.a.writer.drain();
            pair.a.writer.close();
            const std::string text = co_await pair.b.reader.read();
            CHECK(text == "one two three four 5555");
            co_await pair.a.writer.wait_closed();
        }(sockets));
    }
}

TEST_CASE("rule 87: the marks are 64 KiB and a quarter of that, or what is asked for") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair;
        StreamWriter& writer = pair.a.writer;
        CHECK(writer.get_write_buffer_limits() == WriteBufferLimits(16384, 65536));
        writer.set_write_buffer_limits(1000);
        CHECK(writer.get_write_buffer_limits() == WriteBufferLimits(250, 1000));
        writer.set_write_buffer_limits(std::nullopt, 100);
        CHECK(writer.get_write_buffer_limits() == WriteBufferLimits(100, 400));
        writer.set_write_buffer_limits(7, 7);
        CHECK(writer.get_write_buffer_limits() == WriteBufferLimits(7, 7));
        CHECK_THROWS_AS(writer.set_write_buffer_limits(7, 8), ValueError);
        writer.set_write_buffer_limits();
        CHECK(writer.get_write_buffer_limits() == WriteBufferLimits(16384, 65536));
        co_return;
    });
}

TEST_CASE("rule 87: a writer pauses above the high mark and goes on when no more than the low one is left") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair(nothing_between().chunk_size(1));
        StreamWriter& writer = pair.a.writer;
        writer.set_write_buffer_limits(1000, 100);
        // One byte is in the reader's hand, so to say.
        writer.write(std::string(1000, 'a'));
        co_await writer.drain();
        writer.write("bb");
        auto drained = create_task(outcome(writer.drain()));
        co_await rounds(10);
        CHECK_FALSE(drained.done());
        std::size_t read = 0;
        while (!drained.done()) {
            const std::string some = co_await pair.b.reader.readexactly(1);
            ++read;
            co_await rounds(5);
        }
        CHECK(writer.get_write_buffer_size() <= 100);
        CHECK(read >= 900);
        CHECK(read <= 903);
        const std::string how = co_await drained;
        CHECK(how == "value");
    });
}

TEST_CASE("rule 87: a writer that does not wait is stopped at the high mark, not by the memory") {
    for (const bool sockets : {false, true}) {
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete([](bool of_sockets) -> Coro<> {
            ConnectionPair pair =
                of_sockets ? ConnectionPair::of_sockets() : ConnectionPair(nothing_between());
            StreamWriter& writer = pair.a.writer;
            std::size_t written = 0;
            std::string text;
            try {
                while (written < 100'000'000) {
                    writer.write(kilobyte);
                    written += kilobyte.size();
                }
            } catch (const BufferError& error) {
                text = error.what();
            }
            CHECK(contains(text, "await drain()"));
            CHECK(writer.get_write_buffer_size() <= 65536 + kilobyte.size());
            CHECK(writer.get_write_buffer_size() > 65536);
            // What was taken is not lost, and after waiting it goes on.
            auto reader = create_task(
                [](StreamReader& r, std::size_t count) -> Coro<std::string> {
                    co_return co_await r.readexactly(count);
                },
                std::ref(pair.b.reader), written + 5);
            co_await writer.drain();
            writer.write("after");
            const std::string all = co_await reader;
            CHECK(all.ends_with("xxafter"));
        }(sockets));
    }
}

TEST_CASE("rule 87: a write that begins below the mark is taken whole") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair(nothing_between());
        const std::string text = io_test::long_text(1'000'000);
        pair.a.writer.write(text);
        CHECK(pair.a.writer.get_write_buffer_size() >= text.size() - 1);
        pair.a.writer.close();
        const std::string all = co_await pair.b.reader.read();
        CHECK((all == text));
    });
}

TEST_CASE("rule 88: any number of tasks may wait in drain, and all go on") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        ConnectionPair pair = ConnectionPair::of_sockets();
        const std::string text = co_await io_test::fill(pair.a.writer);
        std::vector<Task<std::string>> drains;
        for (int i = 0; i < 5; ++i) drains.push_back(create_task(outcome(pair.a.writer.drain())));
        co_await io_test::turn();
        for (const auto& drain : drains) CHECK_FALSE(drain.done());
        const std::string all = co_await pair.b.reader.readexactly(text.size());
        for (const auto& drain : drains) {
            const std::string how = co_await drain;
            CHECK(how == "value");
        }
    });
}

TEST_CASE("rule 88: drain throws what broke the connection, also what only its reader has seen") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair();
        ends.first.fail_reads(std::errc::connection_reset);
        ConnectionPair pair(std::move(ends), 100);
        const std::string read = co_await outcome(pair.a.reader.read());
        CHECK(contains(read, "read from a memory stream"));
        const std::error_code drained = co_await error_of(pair.a.writer.drain());
        CHECK(drained == std::errc::connection_reset);
    });
}

TEST_CASE("rule 88: a connection that breaks wakes those who wait in drain with the error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair(nothing_between());
        pair.a.writer.write(io_test::long_text(100'000));
        auto first = create_task(error_of(pair.a.writer.drain()));
        auto second = create_task(error_of(pair.a.writer.drain()));
        co_await rounds(5);
        pair.b.writer.abort();
        const std::error_code one = co_await first;
        const std::error_code two = co_await second;
        CHECK(one == std::errc::broken_pipe);
        CHECK(two == std::errc::broken_pipe);
        const std::error_code later = code_of([&] { pair.a.writer.write("x"); });
        CHECK(later == std::errc::broken_pipe);
    });
}

TEST_CASE("rule 88: drain of a closed connection gives way once and throws; one that waited returns") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair(nothing_between());
        pair.a.writer.write(io_test::long_text(100'000));
        auto waiting = create_task(outcome(pair.a.writer.drain()));
        co_await rounds(5);
        pair.a.writer.abort();
        const std::string how = co_await waiting;
        CHECK(how == "value");
        bool others_ran = false;
        get_running_loop().call_soon([&] { others_ran = true; });
        const std::error_code closed = co_await error_of(pair.a.writer.drain());
        CHECK(closed == std::errc::connection_reset);
        CHECK(others_ran);
    });
}

TEST_CASE("rule 89: after write_eof writing is an error, and the peer may still send") {
    for (const bool sockets : {false, true}) {
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete([](bool of_sockets) -> Coro<> {
            ConnectionPair pair = of_sockets ? ConnectionPair::of_sockets() : ConnectionPair();
            CHECK(pair.a.writer.can_write_eof());
            pair.a.writer.write("question");
            pair.a.writer.write_eof();
            pair.a.writer.write_eof();
            CHECK_THROWS_AS(pair.a.writer.write("more"), RuntimeError);
            CHECK_THROWS_AS(static_cast<void>(pair.a.writer.write_all("more")), RuntimeError);
            const std::string question = co_await pair.b.reader.read();
            CHECK(question == "question");
            co_await pair.b.writer.write_all("answer");
            pair.b.writer.close();
            const std::string answer = co_await pair.a.reader.read();
            CHECK(answer == "answer");
        }(sockets));
    }
}

TEST_CASE("rule 89: writing after close throws; close sends what has been written, abort does not") {
    for (const bool abort : {false, true}) {
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete([](bool aborts) -> Coro<> {
            ConnectionPair pair = ConnectionPair::of_sockets();
            const std::string text = co_await io_test::fill(pair.a.writer);
            if (aborts)
                pair.a.writer.abort();
            else
                pair.a.writer.close();
            CHECK(pair.a.writer.is_closing());
            const std::error_code late = code_of([&] { pair.a.writer.write("more"); });
            CHECK(late == std::errc::bad_file_descriptor);
            const std::error_code late_too = code_of([&] { pair.a.writer.write_eof(); });
            CHECK(late_too == std::errc::bad_file_descriptor);
            const std::string all = co_await pair.b.reader.read();
            CHECK((aborts ? all.size() < text.size() : all == text));
        }(abort));
    }
}

TEST_CASE("rule 90: wait_closed ends when everything has been sent and the connection is closed") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        ConnectionPair pair = ConnectionPair::of_sockets();
        const std::string text = co_await io_test::fill(pair.a.writer);
        auto closed = create_task(outcome(pair.a.writer.wait_closed()));
        pair.a.writer.close();
        co_await io_test::turn();
        CHECK_FALSE(closed.done());
        const std::string all = co_await pair.b.reader.read();
        CHECK((all == text));
        const std::string how = co_await closed;
        CHECK(how == "value");
        const std::string again = co_await outcome(pair.a.writer.wait_closed());
        CHECK(again == "value");
    });
}

TEST_CASE("rule 90: wait_closed throws what the connection broke with") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair(nothing_between());
        ends.first.fail_writes(std::errc::connection_reset, 50'000);
        ConnectionPair pair(std::move(ends), 100);
        const std::error_code written = code_of([&] { pair.a.writer.write(io_test::long_text(100'000)); });
        CHECK(written == std::errc::connection_reset);
        pair.a.writer.close();
        const std::error_code closed = co_await error_of(pair.a.writer.wait_closed());
        CHECK(closed == std::errc::connection_reset);
    });
}

TEST_CASE("rule 90: wait_closed ends when the connection has broken, though nobody has closed it") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const int way : {0, 1, 2}) {
            CAPTURE(way);
            auto ends = MemoryStream::pair(nothing_between());
            if (way == 0)
                ends.first.fail_reads(std::errc::connection_reset, 1);
            else
                ends.first.fail_writes(std::errc::connection_reset, 50'000);
            ConnectionPair pair(std::move(ends), 100);
            auto waiting = create_task(error_of(pair.a.writer.wait_closed()));
            co_await rounds(5);
            CHECK_FALSE(waiting.done());
            CHECK_FALSE(pair.a.writer.is_closing());
            const std::string text = io_test::long_text(60'000);
            if (way == 0) {
                pair.b.writer.write("xy");
                static_cast<void>(co_await error_of(pair.a.reader.readexactly(2)));
            }
            if (way == 1) static_cast<void>(code_of([&] { pair.a.writer.write(text); }));
            if (way == 2) static_cast<void>(co_await error_of(pair.a.writer.write_all(text)));
            CHECK(co_await waiting == std::errc::connection_reset);
            CHECK(pair.a.writer.is_closing());
            const std::error_code again = co_await error_of(pair.a.writer.wait_closed());
            CHECK(again == std::errc::connection_reset);
        }
    });
}

TEST_CASE(
    "rule 90: wait_closed waits for what was written before close, though nothing can be read any more") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair(nothing_between());
        ends.first.fail_reads(std::errc::connection_reset);
        ConnectionPair pair(std::move(ends), 100);
        const std::string text = io_test::long_text(50'000);
        pair.a.writer.write(text);
        pair.a.writer.close();
        auto waiting = create_task(error_of(pair.a.writer.wait_closed()));
        const std::error_code was_read = co_await error_of(pair.a.reader.read());
        CHECK(was_read == std::errc::connection_reset);
        auto late = create_task(error_of(pair.a.writer.wait_closed()));
        co_await rounds(5);
        CHECK_FALSE(waiting.done());
        CHECK_FALSE(late.done());
        const std::string received = co_await pair.b.reader.read();
        CHECK(received == text);
        CHECK(co_await waiting == std::errc::connection_reset);
        CHECK(co_await late == std::errc::connection_reset);
    });
}

TEST_CASE("rule 90: a writer that is dropped closes the connection; what it has written is sent") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        ConnectionPair pair = ConnectionPair::of_sockets();
        {
            StreamWriter writer = std::move(pair.a.writer);
            writer.write(io_test::long_text(1'000'000));
        }
        const std::string all = co_await pair.b.reader.read();
        CHECK(all.size() == 1'000'000);
        const std::string end = co_await pair.a.reader.read();
        CHECK(end.empty());
        CHECK_THROWS_AS(pair.a.writer.write("x"), RuntimeError);
    });
}

TEST_CASE("stream writer: write does not overtake a write_all that waits") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair(nothing_between());
        const std::string text = io_test::long_text(200'000);
        auto all = create_task(outcome(pair.a.writer.write_all(text)));
        co_await rounds(3);
        CHECK_FALSE(all.done());
        CHECK_THROWS_AS(pair.a.writer.write("x"), RuntimeError);
        const std::string read = co_await pair.b.reader.readexactly(200'000);
        CHECK((read == text));
        const std::string how = co_await all;
        CHECK(how == "value");
    });
}

TEST_CASE("stream writer: it knows the addresses of both ends, and the peer's also when it has closed") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        TcpListener listener("127.0.0.1", 0);
        StreamConnection client(co_await TcpStream::connect(listener.local_address()));
        StreamConnection server(co_await listener.accept());
        CHECK(client.writer.peername() == listener.local_address());
        CHECK(client.writer.sockname() == server.writer.peername());
        CHECK(server.writer.sockname() == listener.local_address());
        CHECK_FALSE(client.writer.unix_peername().has_value());
        CHECK(client.writer.fileno() >= 0);
        client.writer.close();
        CHECK(client.writer.peername() == listener.local_address());
        CHECK_FALSE(client.writer.sockname().has_value());
        CHECK(client.writer.fileno() == -1);
        const std::string text = thrown_by([&] { client.writer.write("x"); });
        CHECK(contains(text, "write to " + listener.local_address().to_string()));
        ConnectionPair memory;
        CHECK_FALSE(memory.a.writer.peername().has_value());
        CHECK(memory.a.writer.fileno() == -1);
    });
}

TEST_CASE("stream writer: readers and writers that outlive their loop do no harm") {
    std::optional<ConnectionPair> sockets;
    std::optional<ConnectionPair> memory;
    {
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete(
            [](std::optional<ConnectionPair>& s, std::optional<ConnectionPair>& m) -> Coro<> {
                s.emplace(ConnectionPair::of_sockets());
                m.emplace(nothing_between());
                for (ConnectionPair* const pair : {&*s, &*m}) {
                    pair->a.writer.write(io_test::long_text(1'000'000));
                    create_task(outcome(pair->a.writer.drain()));
                    create_task(outcome(pair->a.writer.wait_closed()));
                    create_task(outcome(pair->a.reader.readline()));
                }
                co_await rounds(5);
            }(sockets, memory));
    }
    CHECK(code_of([&] { sockets->a.writer.write("x"); }) == std::errc::bad_file_descriptor);
    CHECK(sockets->a.writer.get_write_buffer_size() == 0);
}

TEST_CASE(
    "rule 87: a write that begins below the high-water mark is taken, also when it was above it before") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        io_test::StreamPair ends(loop);
        StreamConnection connection(std::move(ends.a));
        StreamConnection peer(std::move(ends.b));
        connection.writer.write(io_test::long_text(6'000'000));
        CHECK_THROWS_AS(connection.writer.write("x"), BufferError);
        while (connection.writer.get_write_buffer_size() > 60'000)
            static_cast<void>(co_await peer.reader.read(4096));
        connection.writer.write("x");
    });
}
