#include <aio/io/datagram_endpoint.hpp>

#include <string>
#include <system_error>

#include <sys/socket.h>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/pipe.hpp>

#include "io/stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/socket_posix.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using io_test::bytes;

namespace {

const Address any_port("127.0.0.1", 0);

Coro<std::string> text_that_comes(DatagramEndpoint& endpoint) {
    const Datagram datagram = co_await endpoint.receive();
    co_return io_test::text_of(datagram.data(), datagram.data().size());
}

} // namespace

TEST_CASE("datagrams: a socket that is bound already is adopted") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        DatagramEndpoint adopted(bound_socket(SOCK_DGRAM));
        CHECK_FALSE(adopted.remote_address().has_value());
        DatagramEndpoint other(any_port);
        co_await other.send_to(bytes("there"), adopted.local_address());
        CHECK(co_await text_that_comes(adopted) == "there");
        co_await adopted.send_to(bytes("and back"), other.local_address());
        CHECK(co_await text_that_comes(other) == "and back");
    });
}

TEST_CASE("datagrams: a socket that is connected already is adopted with its peer") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        DatagramEndpoint peer(any_port);
        DatagramEndpoint adopted(loop, connected_socket(peer.local_address().port(), SOCK_DGRAM));
        CHECK(adopted.remote_address() == peer.local_address());
        co_await adopted.send(bytes("there"));
        CHECK(co_await text_that_comes(peer) == "there");
        CHECK_THROWS_AS(static_cast<void>(adopted.send_to(bytes("no"), any_port)), ValueError);
    });
}

TEST_CASE("rule 95: that nobody is there is told to whoever receives, with the address") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        DatagramEndpoint peer(any_port);
        const Address address = peer.local_address();
        DatagramEndpoint client(DatagramOptions().remote(address));
        peer.close();
        co_await client.send(bytes("anybody there?"));
        const std::string error = co_await outcome(text_that_comes(client));
        CHECK(contains(error, "receive a datagram from " + address.to_string() + ": connection refused"));
        // It is of use all the same.
        DatagramEndpoint again(address);
        co_await client.send(bytes("hello"));
        CHECK(co_await text_that_comes(again) == "hello");
    });
}

TEST_CASE("datagrams: what is no UDP socket is not adopted") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        uv::PipeEnds pipe = uv::make_pipe();
        const std::string of_pipe = thrown_by([&] { DatagramEndpoint no(std::move(pipe.read)); });
        CHECK(contains(of_pipe, "is no UDP socket"));
        uv::Descriptor tcp = new_socket(AF_INET, SOCK_STREAM);
        CHECK_THROWS_AS(DatagramEndpoint(std::move(tcp)), ValueError);
        CHECK_THROWS_AS(DatagramEndpoint(uv::Descriptor(-1)), ValueError);
        co_return;
    });
}
