#include <aio/io/tcp_stream.hpp>

#include <string>
#include <system_error>
#include <utility>

#include <sys/socket.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/io/tcp_listener.hpp>

#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/socket_posix.hpp"
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
        CHECK(aio::test::thrown_by([&] { client.set_keep_alive(true); }) ==
              "use of " + listener.local_address().to_string() + " after close: bad file descriptor");
    }());
}

TEST_CASE("tcp: a connection that was reset before it was accepted says who it was with") {
    aio::test::run_in_real_time([](aio::EventLoop&) -> aio::Coro<> {
        aio::TcpListener listener("127.0.0.1", 0);
        aio::uv::Descriptor client = aio::test::connected_socket(listener.local_address().port());
        const aio::Address address = aio::uv::local_address(client);
        aio::test::reset_when_closed(client.get());
        client.close();
        aio::TcpStream accepted = co_await listener.accept();
        aio::StreamConnection connection(std::move(accepted));
        CHECK(connection.writer.peername() == address);
        const std::string end = co_await aio::test::outcome(connection.reader.read());
        CHECK(aio::test::contains(end, "read from " + address.to_string() + ": connection reset"));
    });
}
