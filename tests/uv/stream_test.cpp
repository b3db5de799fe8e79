#include <aio/uv/stream.hpp>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/hooks.hpp>
#include <aio/uv/loop.hpp>
#include <aio/uv/pipe.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"
#include "stream_pair.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::Noted;
using uv_test::Pair;
using uv_test::run_until;

namespace {

std::string long_text(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i * 7 % 26);
    return text;
}

/// Fills the system's buffers until nothing more fits.
std::string fill(uv::Stream& stream) {
    std::string sent;
    const std::string piece = long_text(1000);
    for (;;) {
        const int count = stream.try_write(bytes(piece));
        REQUIRE(count >= 0);
        sent.append(piece, 0, static_cast<std::size_t>(count));
        if (count < 1000) return sent;
    }
}

} // namespace

TEST_CASE("uv stream: a write that fits is taken at once, and is read into the loop's shared buffer") {
    Pair pair;
    pair.b.start_reading();
    CHECK(pair.a.try_write(bytes("hello")) == 5);
    CHECK(pair.a.write_queue_size() == 0);
    run_until(pair.loop, [&] { return pair.b_reader.text == "hello"; });
    CHECK(pair.b_reader.last == pair.loop.receive_buffer().data());
}

TEST_CASE("uv stream: two pieces go out as one") {
    Pair pair;
    pair.b.start_reading();
    CHECK(pair.a.try_write(bytes("head"), bytes("body")) == 8);
    run_until(pair.loop, [&] { return !pair.b_reader.text.empty(); });
    CHECK(pair.b_reader.text == "headbody");
}

TEST_CASE("uv stream: the reader's own memory is read into directly") {
    Pair pair;
    std::array<std::byte, 8192> memory;
    pair.b_reader.own = memory;
    pair.b.start_reading();
    pair.a.try_write(bytes("direct"));
    run_until(pair.loop, [&] { return pair.b_reader.text == "direct"; });
    CHECK(pair.b_reader.last == memory.data());
}

TEST_CASE("uv stream: a reader without room is paused, not asked again, and loses nothing") {
    Pair pair;
    pair.b_reader.full = true;
    pair.b.start_reading();
    pair.a.try_write(bytes("later"));
    for (int i = 0; i < 10; ++i) pair.loop.run(uv::Loop::Mode::no_wait);
    CHECK(pair.b_reader.asked == 1);
    CHECK(!pair.b_reader.over);
    pair.b_reader.full = false;
    pair.b.start_reading();
    run_until(pair.loop, [&] { return pair.b_reader.text == "later"; });
}

TEST_CASE("uv stream: what does not fit is queued and arrives whole and in order") {
    Pair pair;
    std::string expected = fill(pair.a);
    for (int i = 0; i < 50; ++i) {
        const std::string piece = long_text(static_cast<std::size_t>(100 + i));
        CHECK(pair.a.try_write(bytes(piece)) == 0);
        CHECK(pair.a.queue(bytes(piece)) == 0);
        expected += piece;
    }
    CHECK(pair.a.write_queue_size() > 0);
    const std::string borrowed = long_text(300000);
    Noted done;
    CHECK(pair.a.write(bytes(borrowed), done) == 0);
    CHECK(done.calls == 0);
    expected += borrowed;
    pair.b.start_reading();
    run_until(pair.loop, [&] { return pair.b_reader.text.size() >= expected.size(); });
    CHECK(pair.b_reader.text == expected);
    run_until(pair.loop, [&] { return done.calls == 1; });
    CHECK(done.status == 0);
    CHECK(pair.a.write_queue_size() == 0);
}

TEST_CASE("uv stream: a write of no bytes tells when the queue has been sent") {
    Pair pair;
    fill(pair.a);
    pair.a.queue(bytes("tail"));
    Noted done;
    CHECK(pair.a.write({}, done) == 0);
    for (int i = 0; i < 5; ++i) pair.loop.run(uv::Loop::Mode::no_wait);
    CHECK(done.calls == 0);
    pair.b.start_reading();
    run_until(pair.loop, [&] { return done.calls == 1; });
    CHECK(done.status == 0);
    CHECK(pair.a.write_queue_size() == 0);
}

TEST_CASE("uv stream: shutdown comes after all queued bytes, and the other direction stays open") {
    Pair pair;
    std::string expected = fill(pair.a);
    pair.a.queue(bytes("one"));
    pair.a.queue(bytes("two"));
    expected += "onetwo";
    Noted down;
    CHECK(pair.a.shutdown(down) == 0);
    pair.b.start_reading();
    run_until(pair.loop, [&] { return pair.b_reader.over; });
    CHECK(pair.b_reader.status == 0);
    CHECK(pair.b_reader.text == expected);
    run_until(pair.loop, [&] { return down.calls == 1; });
    CHECK(down.status == 0);
    pair.a.start_reading();
    CHECK(pair.b.try_write(bytes("answer")) == 6);
    run_until(pair.loop, [&] { return pair.a_reader.text == "answer"; });
}

TEST_CASE("uv stream: after close no callback comes, whatever was under way") {
    Pair pair;
    fill(pair.a);
    const std::string borrowed = long_text(100000);
    Noted written;
    Noted down;
    pair.a.start_reading();
    pair.a.queue(bytes("queued"));
    CHECK(pair.a.write(bytes(borrowed), written) == 0);
    CHECK(pair.a.shutdown(down) == 0);
    pair.a.close();
    CHECK(!pair.a.is_open());
    for (int i = 0; i < 5; ++i) pair.loop.run(uv::Loop::Mode::no_wait);
    CHECK(written.calls == 0);
    CHECK(down.calls == 0);
    CHECK(!pair.a_reader.over);
}

TEST_CASE("uv stream: bytes queued before close are still sent") {
    Pair pair;
    std::string expected = fill(pair.a);
    pair.a.queue(bytes("last words"));
    expected += "last words";
    pair.a.close();
    pair.b.start_reading();
    run_until(pair.loop, [&] { return pair.b_reader.over; });
    CHECK(pair.b_reader.text == expected);
    CHECK(pair.b_reader.status == 0);
}

TEST_CASE("uv stream: abort drops what is queued") {
    Pair pair;
    const std::string expected = fill(pair.a);
    pair.a.queue(bytes("never seen"));
    pair.a.abort();
    pair.b.start_reading();
    run_until(pair.loop, [&] { return pair.b_reader.over; });
    CHECK(pair.b_reader.text == expected);
}

TEST_CASE("uv stream: a loop may be destroyed while a closed stream still sends") {
    Pair pair;
    fill(pair.a);
    pair.a.queue(bytes("too late"));
    pair.a.close();
}

TEST_CASE("uv stream: a peer that has gone breaks the write direction, for good") {
    Pair pair;
    pair.b.close();
    uv::Idle idle(pair.loop);
    idle.start();
    int status = 0;
    // A socket of the network may take bytes until the peer's refusal has come back.
    run_until(pair.loop, [&] {
        status = pair.a.try_write(bytes("x"));
        return status < 0;
    });
    CHECK((status == UV_EPIPE || status == UV_ECONNRESET || status == UV_ECONNABORTED));
    CHECK(pair.a.try_write(bytes("x")) == status);
    CHECK(pair.a.queue(bytes("x")) == status);
    Noted done;
    CHECK(pair.a.write(bytes("x"), done) == status);
    CHECK(pair.a.shutdown(done) == status);
    CHECK(done.calls == 0);
}

TEST_CASE("uv stream: a reader may close its stream when bytes come") {
    class Closer final : public uv::StreamReader {
    public:
        std::span<std::byte> room(std::span<std::byte> shared) noexcept override { return shared; }
        void received(std::span<const std::byte>) noexcept override { stream->close(); }
        void ended(int) noexcept override {}
        uv::Stream* stream = nullptr;
    };
    Pair pair;
    Closer closer;
    closer.stream = &pair.b;
    pair.b.set_reader(closer);
    pair.b.start_reading();
    pair.a.try_write(bytes("bye"));
    run_until(pair.loop, [&] { return !pair.b.is_open(); });
}
