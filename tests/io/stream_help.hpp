#pragma once

/// What the tests of streams share.

#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/io/pipe_stream.hpp>

namespace io_test {

inline std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text_of(std::span<const std::byte> memory, std::size_t count) {
    return {reinterpret_cast<const char*>(memory.data()), count};
}

inline std::string long_text(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + (i * 7 + i / 1000) % 26);
    return text;
}

/// Lets everything that is ready run, and the loop poll.
inline aio::Coro<> turn() {
    for (int i = 0; i < 300; ++i) co_await aio::sleep(std::chrono::seconds(0));
}

/// Reads to the end, in pieces of at most this size.
inline aio::Coro<std::string> read_all(aio::Stream& stream, std::size_t piece = 4096) {
    std::vector<std::byte> memory(piece);
    std::string text;
    for (;;) {
        const std::size_t count = co_await stream.read_some(memory);
        if (count == 0) co_return text;
        text += text_of(memory, count);
    }
}

/// Reads exactly so many bytes.
inline aio::Coro<std::string> read_count(aio::Stream& stream, std::size_t size) {
    std::vector<std::byte> memory(16384);
    std::string text;
    while (text.size() < size) {
        const std::size_t count = co_await stream.read_some(memory);
        if (count == 0) break;
        text += text_of(memory, count);
    }
    co_return text;
}

/// Writes until a write has left bytes in the stream's queue.
inline aio::Coro<std::string> fill(aio::Stream& stream) {
    const std::string piece = long_text(1000);
    std::string written;
    while (stream.write_queue_size() == 0) {
        co_await stream.write_all(bytes(piece));
        written += piece;
    }
    co_return written;
}

/// The code of the system error that an awaitable throws; success if it throws none.
template <class A>
aio::Coro<std::error_code> error_of(A awaitable) {
    try {
        co_await std::move(awaitable);
    } catch (const std::system_error& e) {
        co_return e.code();
    }
    co_return std::error_code();
}

/// Two connected streams.
struct StreamPair {
    StreamPair() : StreamPair(aio::get_running_loop()) {}
    explicit StreamPair(aio::EventLoop& loop) : StreamPair(aio::PipeStream::pair(loop)) {}
    explicit StreamPair(std::pair<aio::PipeStream, aio::PipeStream> ends)
        : a(std::move(ends.first)), b(std::move(ends.second)) {}
    aio::PipeStream a;
    aio::PipeStream b;
};

} // namespace io_test
