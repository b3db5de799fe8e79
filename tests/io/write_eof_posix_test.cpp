// Ending the direction of writing of what is no socket: pipes and terminals.

#include <aio/io/stream_connection.hpp>

#include <array>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/uv/pipe.hpp>

#include "io/protocol_help.hpp"
#include "io/stream_help.hpp"
#include "io/terminal_help_posix.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;

namespace {

/// Ends of a pipe, of which the one for writing is to be ended in some way.
struct PipeToEnd {
    PipeToEnd() : PipeToEnd(uv::make_pipe()) {}
    explicit PipeToEnd(uv::PipeEnds ends)
        : reader(get_running_loop(), std::move(ends.read)), end(std::move(ends.write)) {}
    PipeStream reader;
    uv::Descriptor end;
};

/// More than a pipe takes at once.
const std::string much(200'000, 'x');

} // namespace

TEST_CASE("rule 89: write_eof of a pipe's end closes it when everything has been sent") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        PipeToEnd pipe;
        StreamConnection out = StreamConnection::from_descriptor(std::move(pipe.end));
        CHECK(out.writer.can_write_eof());
        out.writer.write(much);
        out.writer.write_eof();
        out.writer.write_eof();
        CHECK(out.writer.is_closing());
        const std::string read = co_await io_test::read_all(pipe.reader);
        CHECK((read == much));
        co_await out.writer.wait_closed();
    });
}

TEST_CASE(
    "stream: shutdown_write of a pipe's end closes it when everything has been sent, also if cancelled") {
    for (const bool cancelled : {false, true})
        run_in_real_time([cancelled](EventLoop& loop) -> Coro<> {
            PipeToEnd pipe;
            PipeStream out(loop, std::move(pipe.end));
            const auto write = [&]() -> Coro<> { co_await out.write_all(io_test::bytes(much)); };
            const auto end = [&]() -> Coro<> { co_await out.shutdown_write(); };
            Task<> writing = create_task(write);
            co_await rounds(3);
            Task<> ending = create_task(end);
            co_await rounds(3);
            CHECK_FALSE(ending.done());
            if (cancelled) ending.cancel();
            const std::string read = co_await io_test::read_all(pipe.reader);
            CHECK((read == much));
            co_await writing;
            CHECK(co_await outcome(ending) == (cancelled ? "cancelled" : "value"));
            co_await rounds(3);
            CHECK_FALSE(out.is_open());
            // The second time it does nothing.
            co_await out.shutdown_write();
        });
}

TEST_CASE("stream: shutdown_write throws what kept the last bytes from being sent") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        for (uv::PipeEnds& ends : std::array{uv::make_pipe(), uv::make_socket_pair()}) {
            PipeStream reader(loop, std::move(ends.read));
            PipeStream writer(loop, std::move(ends.write));
            // More than the system takes, and so little more that it is left to the stream.
            static_cast<void>(co_await io_test::fill(writer));
            const auto end = [&]() -> Coro<> { co_await writer.shutdown_write(); };
            Task<> ending = create_task(end);
            co_await rounds(3);
            reader.close();
            CHECK(co_await io_test::error_of(ending) == std::errc::broken_pipe);
        }
    });
}

TEST_CASE("stream: a connection made of a pipe's end that is being shut down ends with it") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        PipeToEnd pipe;
        PipeStream out(loop, std::move(pipe.end));
        const std::string written = co_await io_test::fill(out);
        const auto end = [&]() -> Coro<> { co_await out.shutdown_write(); };
        Task<> ending = create_task(end);
        co_await rounds(3);
        ending.cancel();
        CHECK(co_await outcome(ending) == "cancelled");
        StreamConnection connection(std::move(out));
        CHECK(connection.writer.is_closing());
        const std::string read = co_await io_test::read_all(pipe.reader);
        CHECK((read == written));
        co_await connection.writer.wait_closed();
    });
}

TEST_CASE("a transport over a pipe's end closes by write_eof when everything has been sent") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        PipeToEnd pipe;
        io_test::Calls calls;
        const auto make = [&calls] { return std::make_unique<io_test::Recording>(calls); };
        const auto connection = co_await create_connection(make, std::move(pipe.end));
        Transport& transport = connection.transport();
        CHECK(transport.can_write_eof());
        transport.write(io_test::bytes(much));
        transport.write_eof();
        transport.write_eof();
        CHECK(transport.is_closing());
        const std::string read = co_await io_test::read_all(pipe.reader);
        CHECK((read == much));
        co_await io_test::until([&] { return io_test::joined(calls).ends_with("lost: none"); });
    });
}

TEST_CASE("the direction of writing to a terminal cannot be ended: who wants to is told, and may go on") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        io_test::PseudoTerminal pty;
        const std::string name = "descriptor " + std::to_string(pty.terminal.get());
        PipeStream terminal(loop, std::move(pty.terminal));
        PipeStream other(loop, std::move(pty.keyboard));
        CHECK(co_await io_test::error_of(terminal.shutdown_write()) == std::errc::not_supported);
        StreamConnection connection(std::move(terminal));
        CHECK_FALSE(connection.writer.can_write_eof());
        const std::string refused = thrown_by([&] { connection.writer.write_eof(); });
        CHECK(contains(refused, "write_eof to " + name + ": operation not supported"));
        connection.writer.write("and back\n");
        const std::string back = co_await io_test::read_count(other, 8);
        CHECK(contains(back, "and back"));
    });
}
