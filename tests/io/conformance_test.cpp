// Of a write there is no line here: a cancelled one goes on until its bytes have left or its patience is
// over, which stream_test.cpp shows.

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

#include <doctest/doctest.h>

#include <aio/io/file_system.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/io/tcp_stream.hpp>
#include <aio/testing/memory_stream.hpp>

#include "io/connection_help.hpp"
#include "io/stream_help.hpp"
#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;
using io_test::StreamPair;

namespace {

/// The same over two ends in memory.
Coro<int> read_what_comes_in_memory(Gate& gate) {
    using testing::MemoryStream;
    const auto pair = std::make_shared<std::pair<MemoryStream, MemoryStream>>(MemoryStream::pair());
    const auto send = [pair]() -> Coro<> { co_await pair->second.write_all(io_test::bytes("seven")); };
    gate.on_open([send] { create_task(send); });
    std::array<std::byte, 16> memory;
    const std::size_t count = co_await pair->first.read_some(memory);
    co_return static_cast<int>(count) + 2;
}

Coro<int> read_what_comes(Gate& gate) {
    const auto pair = std::make_shared<StreamPair>();
    const auto send = [pair]() -> Coro<> { co_await pair->b.write_all(io_test::bytes("seven")); };
    gate.on_open([send] { create_task(send); });
    std::array<std::byte, 16> memory;
    const std::size_t count = co_await pair->a.read_some(memory);
    co_return static_cast<int>(count) + 2;
}

/// Two connections with readers and writers: what is written comes when the gate opens.
std::shared_ptr<io_test::ConnectionPair> pair_that_writes(Gate& gate, const std::string& text) {
    const auto pair = std::make_shared<io_test::ConnectionPair>();
    gate.on_open([pair, text] { pair->b.writer.write(text); });
    return pair;
}

Coro<std::string> line_that_comes(Gate& gate) {
    const auto pair = pair_that_writes(gate, "line\nrest");
    co_return co_await pair->a.reader.readline();
}

Coro<std::string> next_that_comes(Gate& gate) {
    const auto pair = pair_that_writes(gate, "line\nrest");
    std::optional<std::string> line = co_await pair->a.reader.next();
    co_return line.value();
}

Coro<std::string> separated_that_comes(Gate& gate) {
    const auto pair = pair_that_writes(gate, "line\nrest");
    co_return co_await pair->a.reader.readuntil("\nr");
}

Coro<std::string> bytes_that_come(Gate& gate) {
    const auto pair = pair_that_writes(gate, "line\nrest");
    co_return co_await pair->a.reader.readexactly(4);
}

Coro<std::string> some_that_come(Gate& gate) {
    const auto pair = pair_that_writes(gate, "line\nrest");
    co_return co_await pair->a.reader.read(4);
}

Coro<int> memory_that_is_filled(Gate& gate) {
    const auto pair = pair_that_writes(gate, "line\nrest");
    std::array<std::byte, 7> memory;
    const std::size_t count = co_await pair->a.reader.read_into(memory);
    co_return static_cast<int>(count);
}

Coro<std::string> all_that_comes(Gate& gate) {
    const auto pair = std::make_shared<io_test::ConnectionPair>();
    gate.on_open([pair] {
        pair->b.writer.write("all");
        pair->b.writer.close();
    });
    co_return co_await pair->a.reader.read();
}

/// More than its marks allow has been written.
std::shared_ptr<io_test::ConnectionPair> full_pair() {
    const auto pair = std::make_shared<io_test::ConnectionPair>(testing::MemoryStreamOptions().capacity(0));
    pair->a.writer.write(std::string(100'000, 'x'));
    return pair;
}

Coro<int> drained(Gate& gate) {
    const auto pair = full_pair();
    gate.on_open([pair] { pair->a.writer.set_write_buffer_limits(1'000'000); });
    co_await pair->a.writer.drain();
    co_return pair->a.writer.get_write_buffer_size() > 0 ? 7 : 0;
}

Coro<int> closed(Gate& gate) {
    const auto pair = full_pair();
    pair->a.writer.close();
    gate.on_open([pair] { pair->a.writer.abort(); });
    co_await pair->a.writer.wait_closed();
    co_return pair->a.writer.is_closing() ? 7 : 0;
}

Coro<int> drained_at_once() {
    const auto pair = full_pair();
    pair->a.writer.abort();
    bool lost = false;
    try {
        co_await pair->a.writer.drain();
    } catch (const std::system_error&) {
        lost = true;
    }
    co_return lost ? 7 : 0;
}

/// Half a connection each.
struct Ends {
    explicit Ends(EventLoop& loop) : listener(loop, Address("127.0.0.1", 0)) {}
    TcpListener listener;
    std::optional<TcpStream> client;
};

Coro<int> accept_who_comes(Gate& gate) {
    const auto ends = std::make_shared<Ends>(get_running_loop());
    const auto connect = [ends]() -> Coro<> {
        ends->client.emplace(co_await TcpStream::connect(ends->listener.local_address()));
    };
    gate.on_open([connect] { create_task(connect); });
    const TcpStream stream = co_await ends->listener.accept();
    co_return stream.is_open() ? 7 : 0;
}

Coro<int> connect_to_a_listener() {
    const TcpListener listener(get_running_loop(), Address("127.0.0.1", 0));
    const TcpStream stream = co_await TcpStream::connect(listener.local_address());
    co_return stream.is_open() ? 7 : 0;
}

Coro<> ask_about_a_file() { static_cast<void>(co_await aio::stat(".")); }

} // namespace

TEST_CASE("conformance: streams") {
    check_conformance("read_some", 7, [](Gate& gate) { return read_what_comes(gate); });
    check_conformance("read_some in memory", 7, [](Gate& gate) { return read_what_comes_in_memory(gate); });
}

TEST_CASE("conformance: StreamReader") {
    const std::string line = "line\n";
    check_conformance("readline", line, [](Gate& gate) { return line_that_comes(gate); });
    check_conformance("next", line, [](Gate& gate) { return next_that_comes(gate); });
    check_conformance("readuntil", line + "r", [](Gate& gate) { return separated_that_comes(gate); });
    check_conformance("readexactly", std::string("line"), [](Gate& gate) { return bytes_that_come(gate); });
    check_conformance("read(n)", std::string("line"), [](Gate& gate) { return some_that_come(gate); });
    check_conformance("read_into", 7, [](Gate& gate) { return memory_that_is_filled(gate); });
    check_conformance("read()", std::string("all"), [](Gate& gate) { return all_that_comes(gate); });
}

TEST_CASE("conformance: StreamWriter") {
    check_conformance("drain", 7, [](Gate& gate) { return drained(gate); });
    check_conformance("drain of a closed one", 7, [](Gate&) { return drained_at_once(); }, true);
    check_conformance("wait_closed", 7, [](Gate& gate) { return closed(gate); });
}

TEST_CASE("conformance: connections") {
    check_conformance("accept", 7, [](Gate& gate) { return accept_who_comes(gate); });
    // One to the own machine is there as soon as libuv looks.
    check_conformance("connect", 7, [](Gate&) { return connect_to_a_listener(); }, true);
}

TEST_CASE("conformance: files") {
    // An operation is queued or running, and over as soon as libuv looks.
    check_conformance("stat", [](Gate&) { return ask_about_a_file(); }, true);
}
