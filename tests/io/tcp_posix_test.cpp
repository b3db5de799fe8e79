#include <aio/io/tcp_stream.hpp>

#include <string>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/io/tcp_listener.hpp>

#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

// Windows can do this, but Wine does not know the option.
TEST_CASE("tcp: keep-alive can be set while the stream is open") {
    aio::EventLoop loop;
    loop.run_until_complete([]() -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        aio::TcpStream client = co_await aio::TcpStream::connect(listener.local_address());
        client.set_keep_alive(true, 30);
        client.set_keep_alive(false);
        client.close();
        CHECK_THROWS_AS(client.set_keep_alive(true), std::system_error);
    }());
}

TEST_CASE("tcp: a connection that was reset before it was accepted says who it was with") {
    aio::test::run_in_real_time([](aio::EventLoop&) -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        aio::uv::Descriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(listener.local_address().port());
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
        const aio::Address address = aio::uv::local_address(client);
        const linger at_once{1, 0};
        REQUIRE(::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
        client.close();
        aio::TcpStream accepted = co_await listener.accept();
        aio::StreamConnection connection(std::move(accepted));
        CHECK(connection.writer.peername() == address);
        const std::string end = co_await aio::test::outcome(connection.reader.read());
        CHECK(aio::test::contains(end, "read from " + address.to_string() + ": connection reset"));
    });
}
