#include <aio/io/wait_readable.hpp>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/structure/gather.hpp>
#include <aio/uv/listener.hpp>
#include <aio/uv/pipe.hpp>

#include "io/file_help.hpp"
#include "io/stream_help.hpp"
#include "support/conformance.hpp"
#include "support/loop_help.hpp"
#include "support/socket_posix.hpp"

using namespace aio;
using namespace aio::test;

namespace {

void put_byte(const uv::Descriptor& end) { CHECK(::write(end.get(), "x", 1) == 1); }

char get_byte(const uv::Descriptor& end) {
    char byte = 0;
    CHECK(::read(end.get(), &byte, 1) == 1);
    return byte;
}

Coro<> fill(const uv::Descriptor& end) {
    const std::string piece(4096, 'x');
    ::fcntl(end.get(), F_SETFL, ::fcntl(end.get(), F_GETFL) | O_NONBLOCK);
    while (::write(end.get(), piece.data(), piece.size()) > 0) {
    }
    co_return;
}

Coro<> wait_for_a_byte(Gate& gate) {
    const auto ends = std::make_shared<uv::PipeEnds>(uv::make_pipe());
    gate.on_open([ends] { put_byte(ends->write); });
    co_await wait_readable(ends->read.get());
}

} // namespace

TEST_CASE("wait_readable: returns when there is something to read, and at the end") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        uv::PipeEnds ends = uv::make_pipe();
        const auto wait = [&]() -> Coro<> { co_await wait_readable(ends.read.get()); };
        Task<> first = create_task(wait);
        Task<> second = create_task(wait);
        co_await io_test::turn();
        CHECK_FALSE(first.done());
        put_byte(ends.write);
        co_await gather(first, second);
        CHECK(get_byte(ends.read) == 'x');
        Task<> third = create_task(wait);
        co_await io_test::turn();
        CHECK_FALSE(third.done());
        ends.write.close();
        co_await third;
    });
}

TEST_CASE("wait_writable: returns when there is room, beside a wait for the other direction") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        uv::PipeEnds pair = uv::make_socket_pair();
        co_await wait_writable(pair.read.get());
        co_await fill(pair.read);
        const auto write = [&]() -> Coro<> { co_await wait_writable(pair.read.get()); };
        const auto read = [&]() -> Coro<> { co_await wait_readable(pair.read.get()); };
        Task<> writer = create_task(write);
        Task<> reader = create_task(read);
        co_await io_test::turn();
        CHECK_FALSE(writer.done());
        CHECK_FALSE(reader.done());
        put_byte(pair.write);
        co_await reader;
        CHECK_FALSE(writer.done());
        std::string memory(1 << 20, '\0');
        while (!writer.done()) {
            CHECK(::read(pair.write.get(), memory.data(), 4096) > 0);
            co_await io_test::turn();
        }
        co_await writer;
    });
}

TEST_CASE("wait_readable: a descriptor whose waiters have gone may be closed, and its number used again") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        int number = -1;
        for (int i = 0; i < 5; ++i) {
            uv::PipeEnds ends = uv::make_pipe();
            if (number >= 0) CHECK(ends.read.get() == number);
            number = ends.read.get();
            const auto wait = [&]() -> Coro<> { co_await wait_readable(ends.read.get()); };
            Task<> waiting = create_task(wait);
            co_await rounds(2);
            waiting.cancel();
            CHECK(co_await outcome(waiting) == "cancelled");
            put_byte(ends.write);
            co_await wait_readable(ends.read.get());
        }
    });
}

TEST_CASE("wait_readable: what cannot be watched is an error that names it") {
    const io_test::Folder folder;
    io_test::put(folder / "file", "text");
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const uv::Descriptor file(::open((folder / "file").c_str(), O_RDONLY));
        const std::string number = std::to_string(file.get());
        const std::string error = co_await outcome(wait_readable(file.get()));
        CHECK(error.find("watch descriptor " + number) != std::string::npos);
        CHECK(co_await io_test::error_of(wait_readable(-1)) != std::error_code());
    });
}

TEST_CASE("wait_readable: a descriptor with an error to tell is ready, for both") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        // A pipe without a reader.
        uv::PipeEnds pipe = uv::make_pipe();
        co_await fill(pipe.write);
        pipe.read.close();
        co_await wait_writable(pipe.write.get());
        CHECK(::write(pipe.write.get(), "x", 1) < 0);
        CHECK(errno == EPIPE);
        // A connection that is refused: the port was free a moment ago.
        uv::Descriptor listener = uv::listen_tcp(uv::Address("127.0.0.1", 0));
        const std::uint16_t port = uv::local_address(listener).port();
        listener.close();
        const uv::Descriptor socket = new_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
        static_cast<void>(connect_to_loopback(socket, port));
        co_await wait_writable(socket.get());
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        CHECK(error == ECONNREFUSED);
    });
}

TEST_CASE("wait_readable: a loop may be closed while somebody waits") {
    uv::PipeEnds ends = uv::make_pipe();
    for (int i = 0; i < 2; ++i) {
        TestLoop test(SteadyClock::instance());
        Task<> waiting =
            test.loop.create_task([](int fd) -> Coro<> { co_await wait_readable(fd); }(ends.read.get()));
        test.loop.run_until_complete(rounds(3));
        CHECK_FALSE(waiting.done());
    }
}

TEST_CASE("conformance: readiness") {
    check_conformance("wait_readable", [](Gate& gate) { return wait_for_a_byte(gate); });
}
