#include <aio/io/datagram_protocol.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "io/protocol_help.hpp"
#include "support/conformance.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace io_test;

namespace {

/// Writes its calls down.
class Datagrams final : public DatagramProtocol {
public:
    explicit Datagrams(Calls& calls) : calls_(calls) {}
    void connection_made(DatagramTransport& t) override {
        transport = &t;
        note("made");
    }
    void datagram_received(std::span<const std::byte> data, const Address& from) override {
        peer = from;
        note("data: " + text_of(data));
    }
    void error_received(std::exception_ptr error) override { note("error: " + test::text_of(error)); }
    void connection_lost(std::exception_ptr error) override { note("lost: " + test::text_of(error)); }
    void pause_writing() override { note("pause"); }
    void resume_writing() override { note("resume"); }

    DatagramTransport* transport = nullptr;
    std::optional<Address> peer;
    std::function<void(const std::string&)> on_call;

private:
    void note(const std::string& text) {
        calls_.push_back(text);
        if (on_call) on_call(text);
    }
    Calls& calls_;
};

Address loopback() { return Address("127.0.0.1", 0); }

} // namespace

TEST_CASE("rule 95: datagrams go from one protocol to another, each as a whole, with their sender") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls a;
        Calls b;
        const auto make_a = [&a] { return std::make_unique<Datagrams>(a); };
        const auto make_b = [&b] { return std::make_unique<Datagrams>(b); };
        auto [receiver, received] = co_await create_datagram_endpoint(make_b, loopback());
        auto [sender, sent] = co_await create_datagram_endpoint(make_a, loopback());
        CHECK(joined(a) == "made");
        sender.send_to("one", receiver.sockname());
        sender.send_to("", receiver.sockname());
        sender.send_to("three", receiver.sockname());
        co_await until([&] { return b.size() == 4; });
        CHECK(joined(b) == "made; data: one; data: ; data: three");
        CHECK(received.peer == sender.sockname());
        receiver.send_to("back", received.peer);
        co_await until([&] { return a.size() == 2; });
        CHECK(joined(a) == "made; data: back");
        sender.close();
        receiver.abort();
        CHECK(sender.is_closing());
        CHECK(joined(a) == "made; data: back");
        co_await rounds(3);
        CHECK(joined(a) == "made; data: back; lost: none");
        CHECK(joined(b) == "made; data: one; data: ; data: three; lost: none");
        CHECK_FALSE(sender.sockname().has_value());
        CHECK_THROWS_AS(static_cast<void>(sender.get_protocol()), RuntimeError);
    });
}

TEST_CASE("rule 95: a transport with a remote address sends there only") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls a;
        Calls b;
        const auto make_a = [&a] { return std::make_unique<Datagrams>(a); };
        const auto make_b = [&b] { return std::make_unique<Datagrams>(b); };
        auto server = co_await create_datagram_endpoint(make_b, loopback());
        const Address there = server.transport().sockname().value();
        const DatagramOptions options = DatagramOptions().remote(there);
        auto client = co_await create_datagram_endpoint(make_a, options);
        CHECK(client.transport().peername() == there);
        client.transport().send_to("x");
        client.transport().send_to("y", there);
        CHECK_THROWS_AS(client.transport().send_to("z", loopback()), ValueError);
        CHECK_THROWS_AS(server.transport().send_to("z"), ValueError);
        CHECK_THROWS_AS(static_cast<void>(create_datagram_endpoint(make_a, DatagramOptions())), ValueError);
        co_await until([&] { return b.size() == 3; });
        CHECK(joined(b) == "made; data: x; data: y");
        client.transport().close();
        server.transport().close();
        co_await rounds(3);
    });
}

TEST_CASE(
    "rule 95: what cannot be sent is told to error_received, from the loop, and the socket stays open") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Datagrams>(calls); };
        auto endpoint = co_await create_datagram_endpoint(make, loopback());
        endpoint.transport().send_to(std::string(70'000, 'x'), endpoint.transport().sockname());
        CHECK(joined(calls) == "made");
        co_await until([&] { return calls.size() == 2; });
        CHECK(calls[1].starts_with("error: send a datagram to 127.0.0.1:"));
        endpoint.transport().send_to("small", endpoint.transport().sockname());
        co_await until([&] { return calls.size() == 3; });
        CHECK(calls[2] == "data: small");
        endpoint.transport().close();
        co_await rounds(3);
        CHECK(calls.back() == "lost: none");
    });
}

TEST_CASE("what callbacks of datagrams throw is reported, and the socket stays open") {
    TestLoop test(SteadyClock::instance());
    Calls calls;
    test.loop.run_until_complete([](Calls& told) -> Coro<> {
        const auto make = [&told] {
            auto protocol = std::make_unique<Datagrams>(told);
            protocol->on_call = [](const std::string& call) { throw ValueError(call); };
            return protocol;
        };
        auto endpoint = co_await create_datagram_endpoint(make, loopback());
        const Address own = endpoint.transport().sockname().value();
        endpoint.transport().send_to("x", own);
        co_await until([&] { return told.size() == 2; });
        endpoint.transport().close();
        for (int i = 0; i < 9; ++i) endpoint.transport().send_to("late", own);
        co_await rounds(3);
    }(calls));
    CHECK(joined(calls) == "made; data: x; lost: none");
    CHECK(joined(test.reports) == "Exception in callback protocol.connection_made(): made; "
                                  "Exception in callback protocol.datagram_received(): data: x; "
                                  "a protocol goes on writing to a UDP socket, which is closed; "
                                  "Exception in callback protocol.connection_lost(): lost: none");
}

TEST_CASE("a protocol that closes its socket in datagram_received gets no more datagrams") {
    for (const bool abort : {false, true}) {
        run_in_real_time([abort](EventLoop&) -> Coro<> {
            Calls calls;
            const auto make = [&calls, abort] {
                auto protocol = std::make_unique<Datagrams>(calls);
                protocol->on_call = [p = protocol.get(), abort](const std::string& call) {
                    if (!call.starts_with("data")) return;
                    abort ? p->transport->abort() : p->transport->close();
                };
                return protocol;
            };
            auto endpoint = co_await create_datagram_endpoint(make, loopback());
            for (int i = 0; i < 5; ++i) endpoint.transport().send_to("x", endpoint.transport().sockname());
            co_await until([&] { return calls.back().starts_with("lost"); });
            CHECK(joined(calls) == "made; data: x; lost: none");
        });
    }
}

TEST_CASE("many datagrams, more than are kept at a time, all come") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Datagrams>(calls); };
        auto endpoint = co_await create_datagram_endpoint(make, loopback());
        const Address own = endpoint.transport().sockname().value();
        std::size_t sent = 0;
        while (sent < 2000) {
            for (int i = 0; i < 50; ++i, ++sent) endpoint.transport().send_to("x", own);
            co_await until([&] { return calls.size() == sent + 1; });
        }
        endpoint.transport().close();
        co_await rounds(3);
        CHECK(calls.size() == sent + 2);
    });
}

TEST_CASE("a datagram protocol of the program's own that is destroyed closes its socket") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        auto protocol = std::make_unique<Datagrams>(calls);
        const auto give = [&protocol]() -> Datagrams& { return *protocol; };
        auto endpoint = co_await create_datagram_endpoint(give, loopback());
        endpoint.transport().send_to("x", endpoint.transport().sockname());
        protocol.reset();
        CHECK(endpoint.transport().is_closing());
        co_await turn();
        CHECK(joined(calls) == "made");
    });
}

TEST_CASE("create_datagram_endpoint is cancelled, and closed with the loop, as everything") {
    const auto open_and_close = [](Gate&) -> Coro<int> {
        const auto calls = std::make_shared<Calls>();
        const auto protocol = std::make_shared<Datagrams>(*calls);
        const auto give = [protocol]() -> Datagrams& { return *protocol; };
        auto endpoint = co_await create_datagram_endpoint(give, loopback());
        endpoint.transport().abort();
        co_return static_cast<int>(calls->size()) + 6;
    };
    check_conformance("create_datagram_endpoint", 7, open_and_close, true);
}
