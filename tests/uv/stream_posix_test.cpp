#include <aio/uv/stream.hpp>

#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/pipe.hpp>

#include "byte_reader.hpp"
#include "io/terminal_help_posix.hpp"
#include "run_until.hpp"
#include "stream_pair.hpp"

using uv_test::bytes;
using uv_test::Noted;
using uv_test::Pair;
using uv_test::run_until;
namespace uv = aio::uv;

TEST_CASE("uv stream: a peer that has gone is an error of the write, not a signal") {
    Pair pair;
    pair.b.close();
    for (int i = 0; i < 2; ++i) pair.loop.run(uv::Loop::Mode::no_wait);
    CHECK(pair.a.try_write(bytes("x")) == UV_EPIPE);
    CHECK(pair.a.queue(bytes("x")) == UV_EPIPE);
    Noted done;
    CHECK(pair.a.write(bytes("x"), done) == UV_EPIPE);
    CHECK(pair.a.shutdown(done) == UV_EPIPE);
    CHECK(done.calls == 0);
}

namespace {

/// Closes its stream, which has bytes on their way, when it is given the second part.
class ClosingReader final : public uv::StreamReader {
public:
    explicit ClosingReader(uv::Stream& stream) : stream_(stream) {}
    std::span<std::byte> room(std::span<std::byte> shared) noexcept override { return shared; }
    void received(std::span<const std::byte>) noexcept override {
        if (++parts == 2) stream_.close();
    }
    void ended(int) noexcept override { ++ends; }
    int parts = 0;
    int ends = 0;

private:
    uv::Stream& stream_;
};

/// Has reading on, as far as it knows, whenever it is given something.
class EagerReader final : public uv::StreamReader {
public:
    explicit EagerReader(uv::Stream& stream) : stream_(stream) {}
    std::span<std::byte> room(std::span<std::byte> shared) noexcept override { return shared; }
    void received(std::span<const std::byte>) noexcept override { CHECK(stream_.start_reading() == 0); }
    void ended(int) noexcept override { ++ends; }
    int ends = 0;

private:
    uv::Stream& stream_;
};

/// More than a terminal's other end is given at once.
void write_and_leave(uv::Descriptor& terminal) {
    termios settings{};
    REQUIRE(::tcgetattr(terminal.get(), &settings) == 0);
    ::cfmakeraw(&settings);
    REQUIRE(::tcsetattr(terminal.get(), TCSANOW, &settings) == 0);
    REQUIRE(::fcntl(terminal.get(), F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    const std::string text(4000, 'x');
    while (::write(terminal.get(), text.data(), text.size()) > 0) continue;
    terminal.close();
}

} // namespace

TEST_CASE("uv stream: a reader may close its stream in the midst of the last bytes") {
    uv::Loop loop;
    io_test::PseudoTerminal pty;
    uv::Pipe screen(loop, std::move(pty.keyboard));
    ClosingReader reader(screen);
    screen.set_reader(reader);
    CHECK(screen.queue(std::vector<std::byte>(300'000)) == 0);
    write_and_leave(pty.terminal);
    REQUIRE(screen.start_reading() == 0);
    for (int i = 0; i < 100; ++i) loop.run(uv::Loop::Mode::no_wait);
    CHECK(reader.ends == (reader.parts < 2 ? 1 : 0));
}

TEST_CASE(
    "uv stream: the end comes once, also to a reader that asks for more while it is given the last bytes") {
    uv::Loop loop;
    io_test::PseudoTerminal pty;
    uv::Pipe screen(loop, std::move(pty.keyboard));
    EagerReader reader(screen);
    screen.set_reader(reader);
    write_and_leave(pty.terminal);
    REQUIRE(screen.start_reading() == 0);
    run_until(loop, [&] { return reader.ends > 0; });
    for (int i = 0; i < 10; ++i) loop.run(uv::Loop::Mode::no_wait);
    CHECK(reader.ends == 1);
}
