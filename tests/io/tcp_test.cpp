#include <aio/io/tcp_stream.hpp>

#include <array>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/core/sleep.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/uv/tcp.hpp>

#include "stream_help.hpp"
#include "support/loop_help.hpp"

using namespace std::chrono_literals;
using io_test::bytes;
using io_test::error_of;
using io_test::read_all;
using io_test::turn;

namespace {

aio::Coro<> echo(aio::TcpStream stream) {
    std::array<std::byte, 1024> memory;
    while (const std::size_t count = co_await stream.read_some(memory))
        co_await stream.write_all(std::span(memory).first(count));
}

aio::Coro<aio::TcpStream> accept_one(aio::TcpListener& listener) { co_return co_await listener.accept(); }

} // namespace

TEST_CASE("tcp: a client talks to an echo server, and both know both addresses") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        const aio::Address address = listener.local_address();
        aio::TcpStream client = co_await aio::TcpStream::connect("127.0.0.1", address.port());
        aio::TcpStream server = co_await listener.accept();
        CHECK(client.peer_address() == address);
        CHECK(server.local_address() == address);
        CHECK(server.peer_address() == client.local_address());
        auto serving = aio::create_task(echo(std::move(server)));
        co_await client.write_all(bytes("hello"));
        const std::string answer = co_await io_test::read_count(client, 5);
        CHECK(answer == "hello");
        co_await client.shutdown_write();
        const std::string rest = co_await read_all(client);
        CHECK(rest.empty());
        co_await serving;
    }());
}

TEST_CASE("tcp: IPv6 works where the system has it") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        try {
            aio::TcpListener listener("::1", 0);
            aio::TcpStream client = co_await aio::TcpStream::connect(listener.local_address());
            CHECK(client.peer_address().is_ipv6());
        } catch (const std::system_error& e) {
            MESSAGE("skipped: ", e.what());
        }
    }());
}

TEST_CASE("tcp: a refused connection is an error that names the address; a name is no address") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        const aio::Address address = listener.local_address();
        listener.close();
        CHECK(!listener.is_open());
        std::string message;
        std::error_code code;
        try {
            co_await aio::TcpStream::connect(address);
        } catch (const std::system_error& e) {
            message = e.what();
            code = e.code();
        }
        CHECK(code == std::errc::connection_refused);
        CHECK(message.find(address.to_string()) != std::string::npos);
        CHECK_THROWS_AS(static_cast<void>(aio::TcpStream::connect("localhost", 1)), std::system_error);
    }());
}

TEST_CASE("tcp: a connect that is cancelled ends at once") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        // A listener with a full backlog leaves further connections waiting.
        aio::TcpListener listener(aio::Address("127.0.0.1", 0), aio::ListenOptions().backlog(1));
        std::vector<aio::Task<>> waiting;
        for (int i = 0; i < 5; ++i)
            waiting.push_back(aio::create_task(
                [](aio::Address address) -> aio::Coro<> { co_await aio::TcpStream::connect(address); },
                listener.local_address()));
        co_await turn();
        int cancelled = 0;
        for (auto& task : waiting) {
            if (!task.cancel()) continue;
            try {
                co_await task;
            } catch (const aio::CancelledError&) {
                ++cancelled;
            }
        }
        CHECK(cancelled > 0);
    }());
}

TEST_CASE("tcp: a reset by the peer is an error of the reader") {
    aio::EventLoop loop;
    loop.run_until_complete([](aio::EventLoop& l) -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        struct Connected : aio::uv::Completion {
            Connected() noexcept : Completion([](Completion&, int) noexcept {}) {}
        } connected;
        aio::uv::Tcp peer(l.bindings());
        REQUIRE(peer.connect(listener.local_address(), connected) == 0);
        aio::TcpStream stream = co_await listener.accept();
        const aio::Address address = peer.local_address();
        auto reader =
            aio::create_task(read_all, std::ref(static_cast<aio::Stream&>(stream)), std::size_t(100));
        co_await turn();
        peer.reset();
        const std::error_code error = co_await error_of(std::move(reader));
        CHECK(error == std::errc::connection_reset);
        CHECK(stream.peer_address() == address);
        stream.close();
        const std::string closed = aio::test::thrown_by([&] { static_cast<void>(stream.peer_address()); });
        CHECK(closed == "use of " + address.to_string() + " after close: bad file descriptor");
    }(loop));
}

TEST_CASE("tcp listener: cancelling an accept loses no connection") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        auto accepting = aio::create_task(accept_one, std::ref(listener));
        co_await turn();
        accepting.cancel();
        aio::TcpStream client = co_await aio::TcpStream::connect(listener.local_address());
        bool cancelled = false;
        try {
            co_await std::move(accepting);
        } catch (const aio::CancelledError&) {
            cancelled = true;
        }
        CHECK(cancelled);
        aio::TcpStream server = co_await listener.accept();
        CHECK(server.peer_address() == client.local_address());
    }());
}

TEST_CASE("tcp listener: connections that come while nobody accepts wait") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        auto first = aio::create_task(accept_one, std::ref(listener));
        co_await turn();
        std::vector<aio::TcpStream> clients;
        for (int i = 0; i < 100; ++i)
            clients.push_back(co_await aio::TcpStream::connect(listener.local_address()));
        co_await turn();
        std::vector<aio::TcpStream> servers;
        servers.push_back(co_await std::move(first));
        for (int i = 1; i < 100; ++i) servers.push_back(co_await listener.accept());
        for (std::size_t i = 0; i < 100; ++i) CHECK(servers[i].peer_address() == clients[i].local_address());
    }());
}

TEST_CASE("tcp listener: a second accept is refused, and closing wakes the first") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        auto accepting = aio::create_task(accept_one, std::ref(listener));
        co_await turn();
        bool refused = false;
        try {
            co_await listener.accept();
        } catch (const aio::RuntimeError&) {
            refused = true;
        }
        CHECK(refused);
        const std::string address = listener.local_address().to_string();
        listener.close();
        const std::error_code error = co_await error_of(std::move(accepting));
        CHECK(error == std::errc::operation_canceled);
        const std::error_code later = co_await error_of(accept_one(listener));
        CHECK(later == std::errc::bad_file_descriptor);
        const std::string text = aio::test::thrown_by([&] { static_cast<void>(listener.local_address()); });
        CHECK(text.starts_with("use of the listener at " + address + " after close: "));
    }());
}

TEST_CASE("tcp listener: a connection that was delivered but not taken is closed") {
    aio::EventLoop loop;
    loop.set_exception_handler([](aio::EventLoop&, const aio::ErrorContext&) {});
    loop.run_until_complete([]() -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        aio::TcpStream client = co_await aio::TcpStream::connect(listener.local_address());
        {
            auto accepting = aio::create_task(accept_one, std::ref(listener));
            co_await turn();
        }
        const std::string text = co_await read_all(client, 10);
        CHECK(text.empty());
    }());
}

TEST_CASE("tcp: a loop may be destroyed with a listener and connections open and tasks suspended in them") {
    aio::EventLoop loop;
    loop.set_exception_handler([](aio::EventLoop&, const aio::ErrorContext&) {});
    aio::TcpListener listener(loop, aio::Address("127.0.0.1", 0));
    auto accepting = loop.create_task(
        [](aio::TcpListener& l) -> aio::Coro<> {
            aio::TcpStream first = co_await l.accept();
            aio::TcpStream second = co_await l.accept();
        },
        std::ref(listener));
    auto connecting = loop.create_task(
        [](aio::Address address) -> aio::Coro<> {
            aio::TcpStream stream = co_await aio::TcpStream::connect(address);
            std::array<std::byte, 10> memory;
            co_await stream.read_some(memory);
        },
        listener.local_address());
    loop.run_until_complete(turn());
    loop.close();
    CHECK(!listener.is_open());
}

TEST_CASE("tcp: a stream left by a closed loop refuses everything") {
    std::error_code error;
    aio::EventLoop other;
    {
        aio::EventLoop loop;
        aio::TcpListener listener(loop, aio::Address("127.0.0.1", 0));
        loop.close();
        CHECK(!listener.is_open());
        CHECK_THROWS_AS(static_cast<void>(listener.local_address()), std::system_error);
    }
    CHECK_THROWS_AS(aio::TcpListener("127.0.0.1", 0), aio::RuntimeError);
}
