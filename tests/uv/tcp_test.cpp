#include <aio/uv/tcp.hpp>

#include <memory>
#include <ostream>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>
#include <uv.h>

#include <aio/uv/listener.hpp>
#include <aio/uv/loop.hpp>

#include "byte_reader.hpp"
#include "run_until.hpp"

namespace uv = aio::uv;
using uv_test::bytes;
using uv_test::Noted;
using uv_test::Reader;
using uv_test::run_until;

TEST_CASE("uv address: reads and writes numeric addresses, and refuses names") {
    const uv::Address v4("127.0.0.1", 80);
    CHECK(v4.to_string() == "127.0.0.1:80");
    CHECK(!v4.is_ipv6());
    const uv::Address v6("::1", 8080);
    CHECK(v6.to_string() == "[::1]:8080");
    CHECK(v6.is_ipv6());
    CHECK(v4 == uv::Address("127.0.0.1", 80));
    CHECK(v4 != uv::Address("127.0.0.1", 81));
    CHECK(uv::Address().to_string() == "0.0.0.0:0");
    CHECK_THROWS_AS(uv::Address("localhost", 80), std::system_error);
}

TEST_CASE("uv tcp: connects, exchanges bytes and knows both addresses") {
    uv::Loop loop;
    uv_test::Counter ready;
    uv::Listener listener(loop, uv::listen_tcp(uv::Address("127.0.0.1", 0)), ready.callback());
    const uv::Address address = uv::local_address(listener.socket());
    CHECK(address.port() != 0);
    CHECK(listener.accept().none_waiting());
    listener.start_watching();
    uv::Tcp client(loop);
    Noted connected;
    CHECK(client.connect(address, connected) == 0);
    run_until(loop, [&] { return connected.calls == 1 && ready.calls > 0; });
    CHECK(connected.status == 0);
    uv::Listener::Accepted accepted = listener.accept();
    REQUIRE(accepted.status() == 0);
    uv::Tcp server(loop, accepted.connection().take_descriptor());
    CHECK(server.local_address() == address);
    CHECK(client.peer_address() == address);
    CHECK(server.peer_address() == client.local_address());
    CHECK(client.set_no_delay(true) == 0);

    Reader reader;
    server.set_reader(reader);
    server.start_reading();
    CHECK(client.try_write(bytes("ping")) == 4);
    run_until(loop, [&] { return reader.text == "ping"; });
    client.reset();
    run_until(loop, [&] { return reader.over; });
    CHECK(reader.status == UV_ECONNRESET);
    CHECK_THROWS_AS(static_cast<void>(client.peer_address()), std::system_error);
}

TEST_CASE("uv tcp: a refused connection is told") {
    uv::Loop loop;
    uv::Address nobody;
    {
        const uv::Descriptor socket = uv::listen_tcp(uv::Address("127.0.0.1", 0));
        nobody = uv::local_address(socket);
    }
    uv::Tcp client(loop);
    Noted connected;
    CHECK(client.connect(nobody, connected) == 0);
    run_until(loop, [&] { return connected.calls == 1; });
    CHECK(connected.status == UV_ECONNREFUSED);
}

TEST_CASE("uv tcp: a stream closed while connecting calls nobody") {
    uv::Loop loop;
    uv::Descriptor socket = uv::listen_tcp(uv::Address("127.0.0.1", 0));
    Noted connected;
    {
        uv::Tcp client(loop);
        CHECK(client.connect(uv::local_address(socket), connected) == 0);
    }
    loop.run();
    CHECK(connected.calls == 0);
}

TEST_CASE("uv tcp: what is no socket is refused") {
    uv::Loop loop;
    CHECK_THROWS_AS(uv::Tcp(loop, uv::Descriptor(-1)), std::system_error);
}

TEST_CASE("uv listener: an address in use is an error that names it") {
    const uv::Descriptor socket = uv::listen_tcp(uv::Address("127.0.0.1", 0));
    const uv::Address address = uv::local_address(socket);
    try {
        static_cast<void>(uv::listen_tcp(address));
        FAIL("nothing was thrown");
    } catch (const std::system_error& e) {
        CHECK(e.code() == std::errc::address_in_use);
        CHECK(std::string(e.what()).find(address.to_string()) != std::string::npos);
    }
}

TEST_CASE("uv listener: a burst of connections is accepted in one turn") {
    uv::Loop loop;
    uv_test::Counter ready;
    uv::Listener listener(loop, uv::listen_tcp(uv::Address("127.0.0.1", 0)), ready.callback());
    const uv::Address address = uv::local_address(listener.socket());
    std::vector<std::unique_ptr<uv::Tcp>> clients;
    std::vector<std::unique_ptr<Noted>> noted;
    for (int i = 0; i < 50; ++i) {
        noted.push_back(std::make_unique<Noted>());
        clients.push_back(std::make_unique<uv::Tcp>(loop));
        REQUIRE(clients.back()->connect(address, *noted.back()) == 0);
    }
    run_until(loop, [&] {
        for (const auto& n : noted)
            if (n->calls == 0) return false;
        return true;
    });
    CHECK(ready.calls == 0);
    int accepted = 0;
    while (listener.accept().status() == 0) ++accepted;
    CHECK(accepted == 50);
}
