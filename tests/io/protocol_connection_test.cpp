#include <aio/io/create_connection.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <doctest/doctest.h>

#include <aio/io/create_server.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/sync/event.hpp>

#include "io/protocol_help.hpp"
#include "support/conformance.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace io_test;
using namespace std::chrono_literals;

namespace {

/// Sends back what comes.
class Echo final : public Protocol {
public:
    void connection_made(Transport& transport) override { transport_ = &transport; }
    void data_received(std::span<const std::byte> data) override { transport_->write(data); }
    void pause_writing() override { transport_->pause_reading(); }
    void resume_writing() override { transport_->resume_reading(); }

private:
    Transport* transport_ = nullptr;
};

std::unique_ptr<Echo> make_echo() { return std::make_unique<Echo>(); }

/// Collects what comes until the connection is lost.
class Collect final : public Protocol {
public:
    void data_received(std::span<const std::byte> data) override { text += text_of(data); }
    void connection_lost(std::exception_ptr error) override {
        lost = error ? test::text_of(error) : "none";
        over.set();
    }
    std::string text;
    std::string lost;
    Event over;
};

std::unique_ptr<Collect> make_collect() { return std::make_unique<Collect>(); }

} // namespace

TEST_CASE("a client and a server of protocols over TCP") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await create_server(make_echo, "127.0.0.1", 0);
        auto [transport, protocol] = co_await create_connection(make_collect, "127.0.0.1", port_of(server));
        CHECK(transport.peername() == server.sockets()[0].address());
        CHECK(transport.sockname().value().port() != 0);
        CHECK(transport.fileno() >= 0);
        CHECK_FALSE(transport.unix_peername().has_value());
        CHECK_FALSE(transport.tls_info().has_value());
        CHECK(&transport.get_protocol() == &protocol);
        const std::string text = long_text(3'000'000);
        transport.write(text);
        transport.write_eof();
        co_await protocol.over.wait();
        CHECK(protocol.text == text);
        CHECK(protocol.lost == "none");
        CHECK(transport.fileno() == -1);
        CHECK(transport.peername() == Address("127.0.0.1", transport.peername()->port()));
        co_await until([&] { return server.connections() == 0; });
        server.close();
        co_await server.wait_closed();
    });
}

TEST_CASE(
    "rule 93: a server of protocols counts its connections, closes and aborts them, and waits for them") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Recording>(calls); };
        Server server = co_await create_server(make, "127.0.0.1", 0);
        auto client = co_await create_connection(make_collect, "127.0.0.1", port_of(server));
        co_await until([&] { return calls.size() == 1; });
        CHECK(server.connections() == 1);
        server.close_clients();
        co_await client.protocol().over.wait();
        CHECK(server.connections() == 0);
        CHECK(joined(calls) == "made; lost: none");

        auto second = co_await create_connection(make_collect, "127.0.0.1", port_of(server));
        co_await until([&] { return calls.size() == 3; });
        server.close();
        auto waiting = create_task(outcome(server.wait_closed()));
        co_await turn();
        CHECK_FALSE(waiting.done());
        server.abort_clients();
        const std::string ended = co_await waiting;
        CHECK(ended == "value");
        CHECK(joined(calls) == "made; lost: none; made; lost: none");
        co_await second.protocol().over.wait();
    });
}

TEST_CASE("a server that is dropped leaves its connections alone") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::optional<Server> server = co_await create_server(make_echo, "127.0.0.1", 0);
        auto client = co_await create_connection(make_collect, "127.0.0.1", port_of(*server));
        co_await until([&] { return server->connections() == 1; });
        server.reset();
        client.transport().write("x");
        co_await until([&] { return client.protocol().text == "x"; });
        client.transport().close();
        co_await client.protocol().over.wait();
        co_await turn();
    });
}

TEST_CASE("what a server's factory throws is reported, and closes that connection") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([]() -> Coro<> {
        const auto make = []() -> std::unique_ptr<Echo> { throw ValueError("not today"); };
        Server server = co_await create_server(make, "127.0.0.1", 0);
        auto client = co_await create_connection(make_collect, "127.0.0.1", port_of(server));
        co_await client.protocol().over.wait();
        CHECK(server.connections() == 0);
    }());
    CHECK(joined(test.reports) == "Error on transport creation for incoming connection: not today");
}

TEST_CASE("what a client's factory throws comes out of create_connection, and the server sees the end") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        const auto serve = [&calls] { return std::make_unique<Recording>(calls); };
        Server server = co_await create_server(serve, "127.0.0.1", 0);
        const auto make = []() -> std::unique_ptr<Echo> { throw ValueError("no protocol"); };
        const std::string error = co_await outcome(create_connection(make, "127.0.0.1", port_of(server)));
        CHECK(error == "no protocol");
        co_await until([&] { return calls.size() == 3; });
        CHECK(joined(calls) == "made; eof; lost: none");
    });
}

TEST_CASE("rule 94: create_connection throws what open_connection does") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        std::uint16_t port = 0;
        {
            TcpListener gone(loop, Address("127.0.0.1", 0));
            port = gone.local_address().port();
        }
        const std::error_code code = co_await error_of(create_connection(make_echo, "127.0.0.1", port));
        CHECK(code == std::errc::connection_refused);
    });
}

TEST_CASE("a client that resets its connection is lost with that error, or was never there") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([]() -> Coro<> {
        Calls calls;
        const auto make = [&calls] {
            auto protocol = std::make_unique<Recording>(calls);
            protocol->on_call = [p = protocol.get()](const std::string& call) {
                if (call == "made") p->transport->write("x");
            };
            return protocol;
        };
        Server server = co_await create_server(make, "127.0.0.1", 0);
        for (int i = 0; i < 20; ++i) {
            TcpStream client = co_await TcpStream::connect("127.0.0.1", port_of(server));
            co_await client.write_all(bytes("y"));
            if (i % 2 == 0) co_await turn();
            client.abort();
        }
        co_await until([&] { return server.connections() == 0; });
        co_await turn();
        CHECK(server.connections() == 0);
        int made = 0;
        int lost = 0;
        for (const std::string& call : calls) {
            made += call == "made" ? 1 : 0;
            lost += call.starts_with("lost") ? 1 : 0;
        }
        CHECK(made == lost);
    }());
    CHECK(test.reports.empty());
}

TEST_CASE("a protocol may be switched from line to line") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls calls;
        Recording first(calls);
        BufferedRecording second(calls);
        Server server = co_await create_server(make_echo, "127.0.0.1", 0);
        const auto give = [&first]() -> Recording& { return first; };
        auto connection = co_await create_connection(give, "127.0.0.1", port_of(server));
        for (int i = 0; i < 4; ++i) {
            const std::size_t before = calls.size();
            connection.transport().write("line " + std::to_string(i));
            co_await until([&] { return calls.size() > before; });
            if (i % 2 == 0)
                connection.transport().set_protocol(second);
            else
                connection.transport().set_protocol(first);
        }
        CHECK(joined(calls) == "made; data: line 0; data: line 1; data: line 2; data: line 3");
        connection.transport().close();
        co_await until([&] { return calls.size() == 6; });
    });
}

namespace {

using MemoryEnds = std::pair<testing::MemoryStream, testing::MemoryStream>;

Coro<int> transport_at_once() {
    const auto protocol = std::make_shared<Collect>();
    const auto give = [protocol]() -> Collect& { return *protocol; };
    MemoryEnds ends = testing::MemoryStream::pair();
    auto connection = co_await create_transport(give, std::move(ends.first));
    connection.transport().abort();
    co_return 7;
}

Coro<int> lost_when_open(Gate& gate) {
    const auto ends = std::make_shared<MemoryEnds>(testing::MemoryStream::pair());
    const auto protocol = std::make_shared<Collect>();
    const auto transport = Transport::start(std::move(ends->first), *protocol, nullptr);
    gate.on_open([ends] { ends->second.close(); });
    co_await protocol->over.wait();
    co_return protocol->lost == "none" && transport->is_closing() ? 7 : 0;
}

} // namespace

TEST_CASE("what waits for a transport is cancelled, and closed with the loop, as everything") {
    check_conformance("create_transport", 7, [](Gate&) { return transport_at_once(); }, true);
    check_conformance("connection_lost", 7, lost_when_open);
}

TEST_CASE("create_connection that is cancelled at any moment leaves no connection behind") {
    for (int moment = 0; moment < 12; ++moment) {
        CAPTURE(moment);
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete([](int when) -> Coro<> {
            Calls calls;
            const auto make = [&calls] { return std::make_unique<Recording>(calls); };
            Server server = co_await create_server(make_echo, "127.0.0.1", 0);
            auto task = create_task(create_connection(make, "127.0.0.1", port_of(server)));
            co_await rounds(when);
            task.cancel();
            bool connected = false;
            try {
                auto connection = co_await task;
                connected = true;
                connection.transport().close();
            } catch (const CancelledError&) {
                CHECK_FALSE(connected);
            }
            co_await turn();
            CHECK((calls.empty() || joined(calls) == "made; lost: none"));
            co_await until([&] { return server.connections() == 0; });
        }(moment));
        CHECK(test.reports.empty());
    }
}

TEST_CASE("a loop can be closed with servers and clients of protocols at any moment") {
    for (int moment = 0; moment < 16; ++moment) {
        CAPTURE(moment);
        TestLoop test(SteadyClock::instance());
        std::optional<ProtocolConnection<Collect>> kept;
        const auto body = [&kept](int when) -> Coro<> {
            Server server = co_await create_server(make_echo, "127.0.0.1", 0);
            const auto connect = [&kept](std::uint16_t port) -> Coro<> {
                kept = co_await create_connection(make_collect, "127.0.0.1", port);
                for (;;) {
                    kept->transport().write("x");
                    co_await sleep(0s);
                }
            };
            auto task = create_task(connect, port_of(server));
            co_await rounds(when);
            throw SystemExit();
        };
        CHECK_THROWS_AS(test.loop.run_until_complete(body(moment)), SystemExit);
        test.loop.close();
        if (kept) {
            CHECK(kept->transport().is_closing());
            CHECK(kept->protocol().lost.empty());
        }
    }
}
