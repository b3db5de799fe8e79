#include <aio/uv/listener.hpp>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <aio/uv/loop.hpp>
#include <aio/uv/tcp.hpp>

#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::Noted;
using uv_test::run_until;

TEST_CASE("uv listener: a process out of descriptors is told so, and no connection is dropped") {
    uv::Loop loop;
    uv_test::Counter ready;
    uv::Listener listener(loop, uv::listen_tcp(uv::Address("127.0.0.1", 0)), ready.callback());
    uv::Tcp client(loop);
    Noted connected;
    REQUIRE(client.connect(uv::local_address(listener.socket()), connected) == 0);
    run_until(loop, [&] { return connected.calls == 1; });

    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    rlimit none = before;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
    const bool short_of_resources = listener.accept().short_of_resources();
    ::setrlimit(RLIMIT_NOFILE, &before);
    CHECK(short_of_resources);
    CHECK(listener.accept().status() == 0);
}
