#include <aio/workers/task_inbox_posix.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <span>
#include <thread>

#include <aio/uv/pipe.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/descriptors_posix.hpp>

using namespace aio;
using namespace aio::detail;

namespace {

constexpr std::uint64_t call = 7;

ByteWriter credit(std::uint64_t id, std::uint64_t items, std::uint64_t bytes) {
    ByteWriter out;
    const std::size_t start = begin_frame(out);
    encode(out, StreamCredit{items, bytes});
    finish_frame(out, start, FrameType::credit, id);
    return out;
}
ByteWriter stop(std::uint64_t id) {
    ByteWriter out;
    append_frame(out, FrameType::stop, id, {});
    return out;
}
WorkerOrders window(std::uint64_t items, std::uint64_t bytes) {
    WorkerOrders orders;
    orders.stream_items = items;
    orders.stream_bytes = bytes;
    return orders;
}
void write(const uv::PipeEnds& pipe, const ByteWriter& frames) {
    REQUIRE(write_all(pipe.write.get(), frames.bytes()));
}

} // namespace

TEST_CASE("TaskInbox: credit is for items and for bytes, and the last item may exceed them") {
    const uv::PipeEnds pipe = uv::make_pipe();
    FrameParser parser;
    TaskInbox inbox(pipe.read.get(), parser, call, window(2, 100));
    CHECK(inbox.wait_for_credit());
    inbox.spend(99);
    CHECK(inbox.wait_for_credit());
    inbox.spend(1000);
    // Still 999 bytes too many; that of another call does not count.
    write(pipe, credit(call, 1, 500));
    write(pipe, credit(call + 1, 100, 10'000));
    write(pipe, credit(call, 1, 599));
    CHECK(inbox.wait_for_credit());
    CHECK_FALSE(inbox.stop_requested());
}

TEST_CASE("TaskInbox: no limit is no limit") {
    const uv::PipeEnds pipe = uv::make_pipe();
    FrameParser parser;
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    TaskInbox inbox(pipe.read.get(), parser, call, window(most, most));
    CHECK(inbox.wait_for_credit());
    inbox.spend(std::uint64_t{1} << 40);
    CHECK(inbox.wait_for_credit());
}

TEST_CASE("TaskInbox: a stop of this call, or the end of the pipe, ends every wait") {
    uv::PipeEnds pipe = uv::make_pipe();
    FrameParser parser;
    {
        TaskInbox inbox(pipe.read.get(), parser, call, window(1, 1));
        write(pipe, stop(call - 1));
        CHECK_FALSE(inbox.stop_requested());
        CHECK(inbox.wait_for_credit());
        write(pipe, stop(call));
        CHECK(inbox.stop_requested());
        CHECK_FALSE(inbox.wait_for_credit());
        CHECK(inbox.watch_for_stop(-1));
    }
    TaskInbox next(pipe.read.get(), parser, call + 1, window(1, 1));
    CHECK_FALSE(next.stop_requested());
    pipe.write.close();
    CHECK(next.stop_requested());
}

TEST_CASE("TaskInbox: what has been read with the call belongs to it, and half a frame to the next one") {
    const uv::PipeEnds pipe = uv::make_pipe();
    FrameParser parser;
    ByteWriter task;
    append_frame(task, FrameType::task, call, std::as_bytes(std::span("args")));
    const ByteWriter more = credit(call, 3, 3);
    const ByteWriter late = credit(call, 1, 1);
    parser.feed(task.bytes());
    parser.feed(more.bytes());
    parser.feed(late.bytes().first(5));
    const auto frame = parser.next();
    REQUIRE(frame.has_value());
    {
        TaskInbox inbox(pipe.read.get(), parser, call, window(0, 0));
        CHECK(inbox.wait_for_credit());
        CHECK(frame->payload().size() == sizeof "args");
        CHECK(frame->payload()[0] == std::byte{'a'});
    }
    CHECK(parser.is_mid_frame());
    parser.feed(late.bytes().subspan(5));
    const auto after = parser.next();
    REQUIRE(after.has_value());
    CHECK(after->type() == FrameType::credit);
    CHECK_FALSE(parser.is_mid_frame());
}

TEST_CASE("TaskInbox: one thread waits at the pipe and tells the others") {
    const uv::PipeEnds pipe = uv::make_pipe();
    uv::PipeEnds end = uv::make_pipe();
    FrameParser parser;
    TaskInbox inbox(pipe.read.get(), parser, call, window(0, 0));
    bool watched = true;
    std::thread watcher([&] { watched = inbox.watch_for_stop(end.read.get()); });
    bool first = false;
    bool second = false;
    std::thread one([&] { first = inbox.wait_for_credit(); });
    std::thread other([&] { second = inbox.wait_for_credit(); });
    write(pipe, credit(call, 5, 5));
    one.join();
    other.join();
    CHECK(first);
    CHECK(second);
    inbox.end_watch();
    end.write.close();
    watcher.join();
    CHECK_FALSE(watched);
}
