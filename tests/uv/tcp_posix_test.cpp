#include <aio/uv/tcp.hpp>

#include <doctest/doctest.h>

#include <aio/uv/listener.hpp>
#include <aio/uv/loop.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::Noted;
using uv_test::run_until;

// Windows can do this, but Wine does not know the option.
TEST_CASE("uv tcp: keep-alive can be turned on and off") {
    uv::Loop loop;
    const uv::Descriptor socket = uv::listen_tcp(uv::Address("127.0.0.1", 0));
    uv::Tcp client(loop);
    Noted connected;
    REQUIRE(client.connect(uv::local_address(socket), connected) == 0);
    run_until(loop, [&] { return connected.calls == 1; });
    REQUIRE(connected.status == 0);
    CHECK(client.set_keep_alive(true, 10) == 0);
    CHECK(client.set_keep_alive(false) == 0);
}
