#include <aio/io/stream_reader.hpp>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/async_iteration.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>

#include "connection_help.hpp"
#include "stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;
using io_test::ConnectionPair;

namespace {

/// How a read ended: its text, or "incomplete(partial, expected)", "overrun(consumed)", or the error's text.
template <class A>
Coro<std::string> read_outcome(A awaitable) {
    try {
        co_return co_await std::move(awaitable);
    } catch (const IncompleteReadError& error) {
        co_return "incomplete(" + error.partial() + ", " +
            (error.expected() ? std::to_string(*error.expected()) : "none") + ")";
    } catch (const LimitOverrunError& error) {
        co_return "overrun(" + std::to_string(error.consumed()) + ")";
    } catch (const ValueError& error) {
        co_return std::string("value error: ") + error.what();
    } catch (const std::system_error& error) {
        co_return error.code() == std::errc::connection_reset ? "reset" : error.what();
    } catch (const RuntimeError& error) {
        co_return std::string("runtime error: ") + error.what();
    }
}

/// Bytes that are written, then the end, and pieces of all sizes.
std::vector<MemoryStreamOptions> ways_to_arrive() {
    std::vector<MemoryStreamOptions> ways;
    ways.emplace_back();
    ways.push_back(MemoryStreamOptions().chunk_size(1));
    ways.push_back(MemoryStreamOptions().chunk_sizes({2, 1, 3}));
    ways.push_back(MemoryStreamOptions().chunk_size(7));
    return ways;
}

std::vector<std::string> two(std::string first, std::string second) {
    std::vector<std::string> list;
    list.push_back(std::move(first));
    list.push_back(std::move(second));
    return list;
}

/// Runs `body(pair)` for each way in which `text` and the end can arrive at `b`.
template <class Body>
void with_arriving(const std::string& text, std::size_t limit, Body body) {
    for (const MemoryStreamOptions& way : ways_to_arrive()) {
        run_in_loop([&](EventLoop&) -> Coro<> {
            ConnectionPair pair(way, limit);
            pair.a.writer.write(text);
            pair.a.writer.close();
            co_await body(pair.b.reader);
        });
    }
}

} // namespace

TEST_CASE("rule 84: read gives what is there, nothing for 0, and everything without a number") {
    with_arriving("abcdefgh", 100, [](StreamReader& reader) -> Coro<> {
        const std::string none = co_await reader.read(0);
        CHECK(none.empty());
        const std::string some = co_await reader.read(3);
        CHECK_FALSE(some.empty());
        CHECK(std::string("abc").starts_with(some));
        CHECK_FALSE(reader.at_eof());
        const std::string rest = co_await reader.read();
        CHECK(some + rest == "abcdefgh");
        CHECK(reader.at_eof());
        const std::string end = co_await reader.read(3);
        const std::string all = co_await reader.read();
        CHECK(end.empty());
        CHECK(all.empty());
    });
}

TEST_CASE("rule 84: what the connection broke with comes before bytes that are left") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair();
        ends.second.fail_reads(std::errc::connection_reset, 6);
        ConnectionPair pair(std::move(ends), 100);
        pair.a.writer.write("ab\ncde");
        const std::string line = co_await pair.b.reader.readline();
        CHECK(line == "ab\n");
        const std::string more = co_await read_outcome(pair.b.reader.readexactly(4));
        CHECK(more == "reset");
        const std::string left = co_await read_outcome(pair.b.reader.read(3));
        CHECK(left == "reset");
        const std::string nothing = co_await read_outcome(pair.b.reader.read(0));
        CHECK(nothing == "reset");
        // That is no end: who asks for it before each read hears of the error.
        CHECK_FALSE(pair.b.reader.at_eof());
    });
}

TEST_CASE("rule 84: a second task that reads at the same time is refused") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair;
        auto first = create_task(read_outcome(pair.b.reader.read()));
        co_await rounds(3);
        const std::string second = co_await read_outcome(pair.b.reader.readline());
        CHECK(second ==
              "runtime error: StreamReader.readline: another task is reading from this stream already");
        // Who wants nothing disturbs nobody.
        const std::string none = co_await pair.b.reader.read(0);
        CHECK(none.empty());
        CHECK(co_await pair.b.reader.readexactly(0) == "");
        CHECK(co_await pair.b.reader.read_into({}) == 0);
        pair.a.writer.write("first");
        pair.a.writer.close();
        const std::string text = co_await first;
        CHECK(text == "first");
    });
}

TEST_CASE(
    "rule 85: readexactly gives exactly that; at the end of the stream, what there is is in the error") {
    with_arriving("abcdefgh", 2, [](StreamReader& reader) -> Coro<> {
        const std::string none = co_await reader.readexactly(0);
        CHECK(none.empty());
        // More than the limit, and more than twice the limit, at which reading pauses.
        const std::string five = co_await reader.readexactly(5);
        CHECK(five == "abcde");
        const std::string end = co_await read_outcome(reader.readexactly(5));
        CHECK(end == "incomplete(fgh, 5)");
        const std::string again = co_await read_outcome(reader.readexactly(5));
        CHECK(again == "incomplete(, 5)");
        CHECK(reader.at_eof());
    });
}

TEST_CASE("rule 85: readuntil gives what comes before a separator, and the separator") {
    with_arriving("one--two-three----x", 100, [](StreamReader& reader) -> Coro<> {
        const std::string one = co_await reader.readuntil("--");
        const std::string two = co_await reader.readuntil("--");
        const std::string three = co_await reader.readuntil("--");
        CHECK(one == "one--");
        CHECK(two == "two-three--");
        CHECK(three == "--");
        const std::string end = co_await read_outcome(reader.readuntil("--"));
        CHECK(end == "incomplete(x, none)");
        CHECK(reader.at_eof());
    });
}

TEST_CASE("rule 85: of several separators the one that ends first counts") {
    with_arriving("one\r\ntwo\nthree\r\n", 100, [](StreamReader& reader) -> Coro<> {
        const std::vector<std::string> ends = two("\r\n", "\n");
        const std::string first = co_await reader.readuntil(ends);
        const std::string second = co_await reader.readuntil(ends);
        CHECK(first == "one\r\n");
        CHECK(second == "two\n");
        // A longer one that begins earlier ends later.
        const std::vector<std::string> nested = two("hree\r", "r");
        const std::string third = co_await reader.readuntil(nested);
        CHECK(third == "thr");
    });
}

TEST_CASE(
    "rule 85: without a separator within the limit the data stays, and the error says how much is safe") {
    with_arriving("0123456789--tail", 5, [](StreamReader& reader) -> Coro<> {
        const std::string overrun = co_await read_outcome(reader.readuntil("--"));
        // How far it had come depends on the pieces.
        CHECK(overrun.starts_with("overrun("));
        const std::string all = co_await reader.read();
        CHECK(all == "0123456789--tail");
    });
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair(MemoryStreamOptions(), 5);
        pair.a.writer.write("0123456789--tail");
        const std::string found = co_await read_outcome(pair.b.reader.readuntil("--"));
        CHECK(found == "overrun(10)");
        const std::string before = co_await pair.b.reader.readexactly(10);
        CHECK(before == "0123456789");
        const std::string separator = co_await pair.b.reader.readuntil("--");
        CHECK(separator == "--");
        pair.a.writer.write("0123456789-");
        const std::string not_found = co_await read_outcome(pair.b.reader.readuntil("--"));
        // The four of "tail" are still there as well.
        CHECK(not_found == "overrun(14)");
    });
}

TEST_CASE("rule 85: separators must be there") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair;
        CHECK_THROWS_AS(static_cast<void>(pair.a.reader.readuntil("")), ValueError);
        CHECK_THROWS_AS(static_cast<void>(pair.a.reader.readuntil(std::vector<std::string>())), ValueError);
        CHECK_THROWS_AS(static_cast<void>(pair.a.reader.readuntil(two("x", ""))), ValueError);
        co_return;
    });
}

TEST_CASE("rule 86: readline gives lines, at the end a part of one, then nothing") {
    with_arriving("one\n\nthree", 100, [](StreamReader& reader) -> Coro<> {
        const std::string one = co_await reader.readline();
        const std::string two = co_await reader.readline();
        const std::string three = co_await reader.readline();
        const std::string end = co_await reader.readline();
        CHECK(one == "one\n");
        CHECK(two == "\n");
        CHECK(three == "three");
        CHECK(end.empty());
    });
}

TEST_CASE("rule 86: a line over the limit is an error, and is dropped with its newline if that is there") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair(MemoryStreamOptions(), 5);
        pair.a.writer.write("0123456789\nok\n");
        const std::string found = co_await read_outcome(pair.b.reader.readline());
        CHECK(found == "value error: Separator is found, but chunk is longer than limit");
        const std::string next = co_await pair.b.reader.readline();
        CHECK(next == "ok\n");
        pair.a.writer.write("0123456789");
        const std::string not_found = co_await read_outcome(pair.b.reader.readline());
        CHECK(not_found == "value error: Separator is not found, and chunk exceed the limit");
        pair.a.writer.write("rest\n");
        const std::string rest = co_await pair.b.reader.readline();
        CHECK(rest == "rest\n");
    });
}

TEST_CASE(
    "rule 83: reading pauses when twice the limit is in the buffer, and goes on when no more than it is") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::size_t limit = 4096;
        ConnectionPair pair = ConnectionPair::of_sockets(limit);
        // As much as the system takes, and more than any reader's buffer.
        const std::string text = co_await io_test::fill(pair.a.writer);
        const std::size_t waiting = pair.a.writer.get_write_buffer_size();
        // Nobody reads, so nothing more is taken from the writer.
        co_await io_test::turn();
        CHECK(pair.a.writer.get_write_buffer_size() == waiting);
        // What is read is far more than the limit.
        const std::string begin = co_await pair.b.reader.readexactly(text.size() / 2);
        CHECK((begin == text.substr(0, begin.size())));
        pair.a.writer.close();
        const std::string rest = co_await pair.b.reader.read();
        CHECK((begin + rest == text));
    });
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair();
        CHECK_THROWS_AS(StreamConnection(std::move(ends.first), 0), ValueError);
        co_return;
    });
}

TEST_CASE("stream reader: next gives line after line, and then nothing") {
    with_arriving("one\ntwo\nend", 100, [](StreamReader& reader) -> Coro<> {
        std::string all;
        for (;;) {
            const std::optional<std::string> line = co_await reader.next();
            if (!line) break;
            all += "<" + *line + ">";
        }
        CHECK(all == "<one\n><two\n><end>");
    });
}

TEST_CASE("stream reader: lines is a generator for for_each and collect") {
    with_arriving("one\ntwo\nend", 100, [](StreamReader& reader) -> Coro<> {
        const std::vector<std::string> lines = co_await collect(reader.lines());
        REQUIRE(lines.size() == 3);
        CHECK(lines[0] == "one\n");
        CHECK(lines[2] == "end");
    });
}

TEST_CASE("stream reader: read_into reads into the caller's memory") {
    with_arriving("abcdefgh", 100, [](StreamReader& reader) -> Coro<> {
        std::string text;
        std::array<std::byte, 3> memory;
        for (;;) {
            const std::size_t count = co_await reader.read_into(memory);
            if (count == 0) break;
            text += io_test::text_of(memory, count);
        }
        CHECK(text == "abcdefgh");
    });
}

TEST_CASE("stream reader: a read that was cancelled has taken nothing") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair;
        pair.a.writer.write("half a li");
        const std::string line = co_await outcome(wait_for(pair.b.reader.readline(), 1s));
        CHECK(line == "timeout");
        const std::string exactly = co_await outcome(wait_for(pair.b.reader.readexactly(100), 1s));
        CHECK(exactly == "timeout");
        const std::string all = co_await outcome(wait_for(pair.b.reader.read(), 1s));
        CHECK(all == "timeout");
        pair.a.writer.write("ne\n");
        const std::string whole = co_await pair.b.reader.readline();
        CHECK(whole == "half a line\n");
    });
}

TEST_CASE("stream reader: when this side closes, what has come can be read, and then the end") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        ConnectionPair pair = ConnectionPair::of_sockets();
        pair.a.writer.write("one\ntwo\n");
        const std::string one = co_await pair.b.reader.readline();
        CHECK(one == "one\n");
        pair.b.writer.close();
        const std::string two = co_await pair.b.reader.readline();
        const std::string end = co_await pair.b.reader.readline();
        CHECK(two == "two\n");
        CHECK(end.empty());
        auto waiting = create_task(read_outcome(pair.a.reader.readline()));
        co_await io_test::turn();
        pair.a.writer.abort();
        const std::string woken = co_await waiting;
        CHECK(woken.empty());
    });
}

TEST_CASE("stream reader: a reader that finds everything there lets others run all the same") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair;
        std::string lines;
        for (int i = 0; i < 1000; ++i) lines += "line\n";
        pair.a.writer.write(lines);
        int others = 0;
        auto other = create_task(
            [](int& count) -> Coro<> {
                for (;;) {
                    ++count;
                    co_await rounds(1);
                }
            },
            std::ref(others));
        for (int i = 0; i < 1000; ++i) {
            const std::string line = co_await pair.b.reader.readline();
            CHECK(line == "line\n");
        }
        CHECK(others >= 10);
        other.cancel();
    });
}

TEST_CASE("stream reader: the reader of a connection lives without the writer, and reads the end") {
    run_in_loop([](EventLoop&) -> Coro<> {
        ConnectionPair pair;
        pair.a.writer.write("before");
        StreamReader reader = std::move(pair.b.reader);
        const std::string before = co_await reader.readexactly(6);
        CHECK(before == "before");
        {
            const StreamWriter gone = std::move(pair.b.writer);
        }
        const std::string end = co_await reader.read();
        CHECK(end.empty());
        const std::string other = co_await pair.a.reader.read();
        CHECK(other.empty());
        CHECK_THROWS_AS(static_cast<void>(pair.b.reader.readline()), RuntimeError);
    });
}
