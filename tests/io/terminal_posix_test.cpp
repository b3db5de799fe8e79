#include <aio/io/terminal_stream.hpp>

#include <array>
#include <cstdlib>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/subprocess.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/pipe.hpp>

#include "io/stream_help.hpp"
#include "io/terminal_help_posix.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using io_test::bytes;
using io_test::PseudoTerminal;

TEST_CASE("terminal: child that sets raw mode and exits" * doctest::skip()) {
    EventLoop loop;
    TerminalStream stream(loop, 0);
    stream.set_mode(TerminalMode::raw);
    termios settings{};
    REQUIRE(::tcgetattr(0, &settings) == 0);
    std::exit((settings.c_lflag & ICANON) == 0 ? 5 : 6);
}

TEST_CASE("terminal: the mode is restored when the program exits") {
    const PseudoTerminal pty;
    char path[4096];
    std::size_t size = sizeof path;
    REQUIRE(uv_exepath(path, &size) == 0);
    const std::string program(path, size);
    run_in_real_time([&](EventLoop&) -> Coro<> {
        SubprocessOptions options;
        options.stdin_from(Redirect::descriptor(pty.terminal.get())).stdout_to(subprocess::DEVNULL);
        Process child = co_await create_subprocess_exec(
            options, program, "--no-skip", "--test-case=terminal: child that sets raw mode and exits");
        CHECK(co_await child.wait() == 5);
    });
    CHECK(pty.in_lines());
}

TEST_CASE("terminal: it is told from a pipe, and knows its size") {
    EventLoop loop;
    const PseudoTerminal pty;
    const uv::PipeEnds pipe = uv::make_pipe();
    CHECK(is_terminal(pty.terminal.get()));
    CHECK_FALSE(is_terminal(pipe.read.get()));
    const std::string number = std::to_string(pipe.read.get());
    CHECK(thrown_by([&] { TerminalStream no(loop, pipe.read.get()); }) ==
          "open the terminal of descriptor " + number + ": operation not supported");
    winsize size{};
    size.ws_col = 132;
    size.ws_row = 50;
    REQUIRE(::ioctl(pty.keyboard.get(), TIOCSWINSZ, &size) == 0);
    TerminalStream stream(loop, pty.terminal.get());
    CHECK(stream.size().columns == 132);
    CHECK(stream.size().rows == 50);
    stream.close();
    CHECK(thrown_by([&] { static_cast<void>(stream.set_mode(TerminalMode::raw)); }) ==
          "use of descriptor " + std::to_string(pty.terminal.get()) + " after close: bad file descriptor");
}

TEST_CASE("terminal: what a program has written before it ends is read to the last byte, and then the end") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        std::string expected;
        for (int i = 1; i <= 20'000; ++i) expected += std::to_string(i) + "\r\n";
        for (int round = 0; round < 5; ++round) {
            io_test::PseudoTerminal pty;
            Process writer = co_await create_subprocess_exec(
                SubprocessOptions().stdout_to(Redirect::descriptor(pty.terminal.get())), "seq", "1", "20000");
            pty.terminal.close();
            PipeStream screen(loop, std::move(pty.keyboard));
            const std::string text = co_await io_test::read_all(screen);
            CHECK((text == expected));
            CHECK(co_await writer.wait() == 0);
        }
    });
}

TEST_CASE("terminal: lines come whole, in raw mode each key comes at once, and the mode is restored") {
    const PseudoTerminal pty;
    run_in_real_time([&](EventLoop& loop) -> Coro<> {
        TerminalStream stream(loop, pty.terminal.get());
        std::array<std::byte, 100> memory;
        CHECK(::write(pty.keyboard.get(), "line\n", 5) == 5);
        CHECK(co_await stream.read_some(memory) == 5);
        CHECK(pty.in_lines());
        stream.set_mode(TerminalMode::raw);
        CHECK_FALSE(pty.in_lines());
        CHECK(::write(pty.keyboard.get(), "k", 1) == 1);
        CHECK(co_await stream.read_some(memory) == 1);
        co_await stream.write_all(bytes("shown"));
        stream.set_mode(TerminalMode::normal);
        CHECK(pty.in_lines());
        stream.set_mode(TerminalMode::raw);
        restore_terminal();
        CHECK(pty.in_lines());
        stream.close();
        CHECK_THROWS_AS(static_cast<void>(stream.size()), std::system_error);
    });
}

TEST_CASE("terminal: who shares the descriptor can wait in reads again when the stream is closed") {
    const PseudoTerminal pty;
    const auto blocks = [&] { return (::fcntl(pty.terminal.get(), F_GETFL) & O_NONBLOCK) == 0; };
    EventLoop loop;
    REQUIRE(blocks());
    TerminalStream(loop, pty.terminal.get()).close();
    CHECK(blocks());
    REQUIRE(::fcntl(pty.terminal.get(), F_SETFL, O_RDWR | O_NONBLOCK) == 0);
    TerminalStream(loop, pty.terminal.get()).close();
    CHECK_FALSE(blocks());
}

TEST_CASE("terminal: the mode is restored when the stream is closed, or goes, or its loop closes") {
    const PseudoTerminal pty;
    for (const int way : {0, 1, 2}) {
        CAPTURE(way);
        EventLoop loop;
        TerminalStream stream(loop, pty.terminal.get());
        stream.set_mode(TerminalMode::raw);
        CHECK_FALSE(pty.in_lines());
        if (way == 0) stream.close();
        if (way == 1) const TerminalStream last = std::move(stream);
        if (way == 2) loop.close();
        CHECK(pty.in_lines());
    }
}
