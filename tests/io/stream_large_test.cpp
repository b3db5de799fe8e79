// Writes of more bytes than one request to the system carries.

#include <aio/io/stream_connection.hpp>

#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>

#include "connection_help.hpp"
#include "stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::bytes;

namespace {

constexpr std::size_t mebibyte = std::size_t(1) << 20;

/// 70 MiB, each of which begins with another character.
std::string large_text() {
    std::string text(70 * mebibyte, 'x');
    for (std::size_t i = 0; i < text.size() / mebibyte; ++i) text[i * mebibyte] = static_cast<char>('0' + i);
    return text;
}

} // namespace

TEST_CASE("stream: more bytes than one request carries arrive in order, and the end after them") {
    const std::string text = large_text();
    run_in_real_time([&](EventLoop&) -> Coro<> {
        io_test::StreamPair ends;
        const auto write = [&]() -> Coro<> { co_await ends.a.write_all(bytes(text)); };
        const auto end = [&]() -> Coro<> { co_await ends.a.shutdown_write(); };
        Task<> writing = create_task(write);
        co_await rounds(3);
        Task<> ending = create_task(end);
        co_await rounds(3);
        CHECK(ends.a.write_queue_size() > 69 * mebibyte);
        const std::string read = co_await io_test::read_all(ends.b, mebibyte);
        CHECK((read == text));
        co_await writing;
        co_await ending;
        CHECK(ends.a.write_queue_size() == 0);
    });
}

TEST_CASE("stream writer: so they do when they are copied, by a writer that closes over them") {
    const std::string text = large_text();
    run_in_real_time([&](EventLoop&) -> Coro<> {
        io_test::ConnectionPair pair = io_test::ConnectionPair::of_sockets(mebibyte);
        pair.a.writer.write(text);
        co_await rounds(3);
        CHECK(pair.a.writer.get_write_buffer_size() > 69 * mebibyte);
        pair.a.writer.close();
        const std::string read = co_await pair.b.reader.read();
        CHECK((read == text));
        co_await pair.a.writer.wait_closed();
    });
}
