#include <aio/io/datagram_endpoint.hpp>

#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>

#include "io/stream_help.hpp"
#include "support/conformance.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using io_test::bytes;
using io_test::error_of;

namespace {

const Address any_port("127.0.0.1", 0);

std::string text_of_datagram(const Datagram& datagram) {
    return io_test::text_of(datagram.data(), datagram.data().size());
}

DatagramOptions to(const Address& address) { return DatagramOptions().remote(address); }

Coro<int> receive_what_comes(Gate& gate) {
    const auto receiver = std::make_shared<DatagramEndpoint>(any_port);
    const auto send = [receiver]() -> Coro<> {
        DatagramEndpoint sender(any_port);
        co_await sender.send_to(bytes("seven"), receiver->local_address());
    };
    gate.on_open([send] { create_task(send); });
    const Datagram datagram = co_await receiver->receive();
    co_return static_cast<int>(datagram.data().size()) + 2;
}

/// Gives way after some datagrams that fit.
Coro<int> send_many() {
    DatagramEndpoint sender(any_port);
    for (int i = 0; i < 1000; ++i) co_await sender.send_to(bytes("x"), sender.local_address());
    co_return 7;
}

} // namespace

TEST_CASE("rule 95: datagrams keep their boundaries, empty ones too, and say where they come from") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        DatagramEndpoint a(any_port);
        DatagramEndpoint b(any_port);
        const std::string large = io_test::long_text(60'000);
        co_await a.send_to(bytes("one"), b.local_address());
        co_await a.send_to(bytes(""), b.local_address());
        co_await a.send_to(bytes(large), b.local_address());
        const Datagram first = co_await b.receive();
        CHECK(text_of_datagram(first) == "one");
        CHECK(first.from() == a.local_address());
        const Datagram second = co_await b.receive();
        CHECK(second.data().empty());
        Datagram third = co_await b.receive();
        CHECK(text_of_datagram(third) == large);
        CHECK(third.take().size() == 60'000);
        co_await b.send_to(bytes("answer"), first.from());
        const Datagram answer = co_await a.receive();
        CHECK(text_of_datagram(answer) == "answer");
    });
}

TEST_CASE("rule 95: a connected endpoint sends to its peer alone, and hears nobody else") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        DatagramEndpoint server(any_port);
        DatagramEndpoint stranger(any_port);
        DatagramEndpoint client(to(server.local_address()));
        CHECK(client.remote_address() == server.local_address());
        CHECK_THROWS_AS(static_cast<void>(client.send_to(bytes("no"), stranger.local_address())), ValueError);
        CHECK_THROWS_AS(static_cast<void>(server.send(bytes("no"))), ValueError);
        CHECK_THROWS_AS(static_cast<void>(DatagramEndpoint(DatagramOptions{})), ValueError);
        co_await client.send(bytes("one"));
        co_await client.send_to(bytes("two"), server.local_address());
        const Datagram one = co_await server.receive();
        CHECK(text_of_datagram(one) == "one");
        co_await stranger.send_to(bytes("from elsewhere"), client.local_address());
        co_await server.send_to(bytes("answer"), one.from());
        const Datagram answer = co_await client.receive();
        CHECK(text_of_datagram(answer) == "answer");
    });
}

TEST_CASE("datagrams: what has come in one go can be taken in one go, and a slow reader loses none of few") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        DatagramEndpoint receiver(any_port);
        DatagramEndpoint sender(any_port);
        constexpr std::size_t count = 100;
        for (std::size_t i = 0; i < count; ++i)
            co_await sender.send_to(bytes(std::to_string(i)), receiver.local_address());
        std::vector<std::string> texts;
        while (texts.size() < count) {
            const Datagram first = co_await receiver.receive();
            texts.push_back(text_of_datagram(first));
            for (const Datagram& datagram : receiver.receive_some())
                texts.push_back(text_of_datagram(datagram));
        }
        for (std::size_t i = 0; i < count; ++i) CHECK(texts[i] == std::to_string(i));
        CHECK(receiver.receive_some().empty());
    });
}

TEST_CASE("datagrams: more than is kept is left to the system, and comes later") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        DatagramEndpoint receiver(any_port);
        DatagramEndpoint sender(any_port);
        // Begins to receive.
        const auto one = [&]() -> Coro<std::string> {
            const Datagram datagram = co_await receiver.receive();
            co_return text_of_datagram(datagram);
        };
        Task<std::string> first = create_task(one);
        co_await rounds(1);
        for (int burst = 0; burst < 10; ++burst) {
            for (int i = 0; i < 60; ++i)
                co_await sender.send_to(bytes(std::to_string(60 * burst + i)), receiver.local_address());
            co_await io_test::turn();
        }
        CHECK(co_await first == "0");
        int last = 0;
        // What the system dropped is missing; nothing is twice or out of order.
        for (int i = 0; i < 200; ++i) {
            const int number = std::stoi(co_await one());
            CHECK(number > last);
            last = number;
        }
    });
}

TEST_CASE("datagrams: errors name the address; a closed endpoint wakes who waits, and is of no use") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        DatagramEndpoint a(any_port);
        const std::string taken = thrown_by([&] { DatagramEndpoint second(a.local_address()); });
        CHECK(taken.find("bind a UDP socket to " + a.local_address().to_string()) != std::string::npos);
        const std::string too_large = io_test::long_text(100'000);
        const std::string refused = co_await outcome(a.send_to(bytes(too_large), a.local_address()));
        CHECK(refused.find("send a datagram to " + a.local_address().to_string()) != std::string::npos);
        const auto receive = [&]() -> Coro<> { co_await a.receive(); };
        Task<> waiting = create_task(receive);
        Task<> second = create_task(receive);
        co_await rounds(2);
        const std::string address = a.local_address().to_string();
        a.close();
        CHECK(co_await error_of(waiting) == std::errc::operation_canceled);
        const std::string cancelled = co_await outcome(second);
        CHECK(cancelled.find("receive a datagram at " + address + ": ") != std::string::npos);
        CHECK(co_await error_of(receive()) == std::errc::bad_file_descriptor);
        const std::string closed = co_await outcome(receive());
        CHECK(closed.find("a datagram endpoint that received at " + address + ", after close: ") !=
              std::string::npos);
        CHECK_FALSE(a.is_open());
    });
}

TEST_CASE("datagrams: a remote address without a port is refused") {
    CHECK(thrown_by([] { static_cast<void>(DatagramOptions().remote(any_port)); }) ==
          "a remote address needs a port: 127.0.0.1:0");
}

TEST_CASE("rule 82: an endpoint belongs to the loop it was made on") {
    EventLoop first;
    EventLoop second;
    DatagramEndpoint endpoint(first, any_port);
    const auto receive = [&]() -> Coro<> { co_await endpoint.receive(); };
    CHECK_THROWS_AS(second.run_until_complete(receive()), RuntimeError);
}

TEST_CASE("datagrams: sending for ever lets others run") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        DatagramEndpoint a(any_port);
        bool stop = false;
        loop.call_soon([&] { stop = true; });
        while (!stop) co_await a.send_to(bytes("x"), a.local_address());
    });
}

TEST_CASE("datagrams: a multicast reaches all that have joined, and none that have left") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string group = "239.255.71.7";
        const std::string here = "127.0.0.1";
        DatagramEndpoint first(Address("0.0.0.0", 0), DatagramOptions().reuse_address(true));
        const Address target(group, first.local_address().port());
        DatagramEndpoint second(Address("0.0.0.0", target.port()), DatagramOptions().reuse_address(true));
        first.join_group(group, here);
        second.join_group(group, here);
        DatagramEndpoint sender(any_port);
        sender.set_multicast_interface(here);
        sender.set_multicast_loop(true);
        sender.set_multicast_ttl(1);
        co_await sender.send_to(bytes("all"), target);
        const Datagram one = co_await first.receive();
        CHECK(text_of_datagram(one) == "all");
        const Datagram two = co_await second.receive();
        CHECK(text_of_datagram(two) == "all");
        second.leave_group(group, here);
        co_await sender.send_to(bytes("first alone"), target);
        co_await sender.send_to(bytes("second"), Address(here, target.port()));
        const Datagram three = co_await first.receive();
        CHECK(text_of_datagram(three) == "first alone");
        const std::string error = thrown_by([&] { first.join_group("127.0.0.1"); });
        CHECK(error.find("join the multicast group 127.0.0.1") != std::string::npos);
        const std::string nowhere = thrown_by([&] { first.join_group(group, "nowhere"); });
        CHECK(nowhere.find("join the multicast group " + group + " on nowhere") != std::string::npos);
        CHECK_THROWS_AS(first.join_group(group + std::string(1, '\0') + "x", here), std::system_error);
    });
}

TEST_CASE("datagrams: broadcasts have to be allowed") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const Address everybody("127.255.255.255", 9);
        DatagramEndpoint plain(Address("0.0.0.0", 0));
        CHECK(co_await error_of(plain.send_to(bytes("no"), everybody)) == std::errc::permission_denied);
        DatagramEndpoint allowed(Address("0.0.0.0", 0), DatagramOptions().allow_broadcast(true));
        co_await allowed.send_to(bytes("yes"), everybody);
    });
}

TEST_CASE("conformance: datagrams") {
    check_conformance("DatagramEndpoint.receive", 7, [](Gate& gate) { return receive_what_comes(gate); });
    check_conformance("DatagramEndpoint.send_to", 7, [](Gate&) { return send_many(); }, true);
}

TEST_CASE("datagrams: an endpoint may go while a send that failed gives way") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        auto endpoint = std::make_unique<DatagramEndpoint>(to(Address("127.0.0.1", 1)));
        // Longer than a datagram may be: every one fails, and at last one that gives way before that is told.
        const std::vector<std::byte> data(100'000);
        std::string last;
        const auto send = [&]() -> Coro<> {
            while (endpoint) {
                try {
                    co_await endpoint->send(data);
                } catch (const std::system_error& error) {
                    last = endpoint ? "" : error.what();
                }
            }
        };
        const auto remove = [&]() -> Coro<> {
            endpoint.reset();
            co_return;
        };
        Task<> sender = loop.create_task(send());
        Task<> remover = loop.create_task(remove());
        co_await sender;
        co_await remover;
        CHECK(last.starts_with("send a datagram to 127.0.0.1:1: "));
    });
}
