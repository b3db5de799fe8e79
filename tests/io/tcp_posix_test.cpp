#include <aio/io/tcp_stream.hpp>

#include <system_error>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/tcp_listener.hpp>

#include "stream_help.hpp"

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
