// Of a write there is no line here: a cancelled one goes on until its bytes have left or its patience is
// over, which stream_test.cpp shows.

#include <array>
#include <cstddef>
#include <memory>
#include <optional>

#include <doctest/doctest.h>

#include <aio/io/tcp_listener.hpp>
#include <aio/io/tcp_stream.hpp>
#include <aio/testing/memory_stream.hpp>

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

} // namespace

TEST_CASE("conformance: streams") {
    check_conformance("read_some", 7, [](Gate& gate) { return read_what_comes(gate); });
    check_conformance("read_some in memory", 7, [](Gate& gate) { return read_what_comes_in_memory(gate); });
}

TEST_CASE("conformance: connections") {
    check_conformance("accept", 7, [](Gate& gate) { return accept_who_comes(gate); });
    // One to the own machine is there as soon as libuv looks.
    check_conformance("connect", 7, [](Gate&) { return connect_to_a_listener(); }, true);
}
