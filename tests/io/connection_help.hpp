#pragma once

/// Two ends of a connection with readers and writers, in memory or over sockets.

#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/testing/memory_stream.hpp>

#include "stream_help.hpp"

namespace io_test {

struct ConnectionPair {
    explicit ConnectionPair(
        const aio::testing::MemoryStreamOptions& options = aio::testing::MemoryStreamOptions(),
        std::size_t limit = aio::StreamReader::default_limit)
        : ConnectionPair(aio::testing::MemoryStream::pair(options), limit) {}
    template <class S>
    ConnectionPair(std::pair<S, S> ends, std::size_t limit)
        : a(std::move(ends.first), limit), b(std::move(ends.second), limit) {}

    /// Over two sockets of the system.
    static ConnectionPair of_sockets(std::size_t limit = aio::StreamReader::default_limit) {
        return ConnectionPair(aio::PipeStream::pair(aio::get_running_loop()), limit);
    }

    aio::StreamConnection a;
    aio::StreamConnection b;
};

/// Writes until more than the high-water mark stays behind, however much the system takes at once: Windows
/// takes every write that comes while little waits, whatever its size. Gives everything that was written.
inline aio::Coro<std::string> fill(aio::StreamWriter& writer) {
    const std::size_t piece = 1'000'000;
    std::string written;
    do {
        REQUIRE(written.size() < 64 * piece);
        const std::string text = long_text(written.size() + piece).substr(written.size());
        writer.write(text);
        written += text;
        co_await turn();
    } while (writer.get_write_buffer_size() <= writer.get_write_buffer_limits().high());
    co_return written;
}

} // namespace io_test
