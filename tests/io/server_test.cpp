#include <aio/io/server.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/structure/timeout.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/uv/listener.hpp>

#include "server_help.hpp"
#include "stream_help.hpp"
#include "support/conformance.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using io_test::ask;
using io_test::connect_to;
using io_test::echo;
using io_test::error_of;
using io_test::port_of;
using io_test::until;

namespace {

/// More than the system takes at once.
constexpr std::size_t much = 6'000'000;

Coro<> write_much_and_leave(StreamReader, StreamWriter writer) {
    writer.write(io_test::long_text(much));
    co_return;
}

} // namespace

TEST_CASE("rule 91: a handler is called for every client, with a reader and a writer of its own") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(echo, "127.0.0.1", 0);
        CHECK(server.is_serving());
        std::vector<StreamConnection> clients;
        for (int i = 0; i < 20; ++i) clients.push_back(co_await connect_to(server));
        for (int i = 0; i < 20; ++i) {
            const std::string question = "client " + std::to_string(i) + "\n";
            const std::string answer = co_await ask(clients[static_cast<std::size_t>(i)], question);
            CHECK(answer == question);
        }
        CHECK(server.connections() == 20);
        CHECK(clients[0].writer.peername() == server.sockets()[0].address());
        clients.clear();
        co_await until([&] { return server.connections() == 0; });
        server.close();
        co_await server.wait_closed();
    });
}

TEST_CASE("rule 91: a handler may be a plain function, or a lambda that captures") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::vector<StreamWriter> writers;
        const auto keep = [&writers](StreamReader, StreamWriter writer) {
            writer.write("welcome\n");
            writers.push_back(std::move(writer));
        };
        Server server = co_await start_server(keep, "127.0.0.1", 0);
        const auto greeting = std::make_shared<std::string>("hello\n");
        const auto greet = [greeting](StreamReader, StreamWriter writer) -> Coro<> {
            co_await sleep(0s);
            co_await writer.write_all(*greeting);
        };
        Server other = co_await start_server(greet, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(server);
        const std::string line = co_await client.reader.readline();
        CHECK(line == "welcome\n");
        REQUIRE(writers.size() == 1);
        writers.clear();
        const std::string end = co_await client.reader.read();
        CHECK(end.empty());
        StreamConnection second = co_await connect_to(other);
        const std::string hello = co_await second.reader.read();
        CHECK(hello == "hello\n");
    });
}

TEST_CASE("rule 91: what a handler throws is reported, and its connection closed") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](std::vector<std::string>& reports) -> Coro<> {
        const auto fail = [](StreamReader, StreamWriter) -> Coro<> {
            co_await sleep(0s);
            throw std::runtime_error("no");
        };
        const auto fail_at_once = [](StreamReader, StreamWriter) { throw std::runtime_error("never"); };
        Server server = co_await start_server(fail, "127.0.0.1", 0);
        Server other = co_await start_server(fail_at_once, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(server);
        StreamConnection second = co_await connect_to(other);
        const std::string end = co_await client.reader.read();
        const std::string second_end = co_await second.reader.read();
        CHECK(end.empty());
        CHECK(second_end.empty());
        REQUIRE(reports.size() == 2);
        CHECK(contains(reports[0] + reports[1], "Unhandled exception in client_connected_cb: no"));
        CHECK(contains(reports[0] + reports[1], "Unhandled exception in client_connected_cb: never"));
        CHECK(server.connections() == 0);
    }(test.reports));
}

TEST_CASE("rule 91: the connection of a handler that is cancelled is closed") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](std::vector<std::string>& reports) -> Coro<> {
        AnyTask handler;
        const auto wait = [&handler](StreamReader reader, StreamWriter) -> Coro<> {
            handler = current_task();
            static_cast<void>(co_await reader.read());
        };
        Server server = co_await start_server(wait, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(server);
        co_await until([&] { return static_cast<bool>(handler); });
        handler.cancel();
        const std::string end = co_await client.reader.read();
        CHECK(end.empty());
        CHECK(handler.cancelled());
        CHECK(reports.empty());
    }(test.reports));
}

TEST_CASE("rule 93: close stops listening and keeps connections; wait_closed waits for the last of them") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(echo, "127.0.0.1", 0);
        const std::uint16_t port = port_of(server);
        StreamConnection client = co_await connect_to(server);
        const std::string before = co_await ask(client, "before\n");
        CHECK(before == "before\n");
        auto closed = create_task(outcome(server.wait_closed()));
        co_await io_test::turn();
        server.close();
        server.close();
        CHECK_FALSE(server.is_serving());
        CHECK(server.sockets().empty());
        CHECK_THROWS_AS(server.start_serving(), RuntimeError);
        const std::error_code refused = co_await error_of(TcpStream::connect("127.0.0.1", port));
        CHECK(refused == std::errc::connection_refused);
        const std::string after = co_await ask(client, "after\n");
        CHECK(after == "after\n");
        CHECK_FALSE(closed.done());
        client.writer.close();
        const std::string how = co_await closed;
        CHECK(how == "value");
    });
}

TEST_CASE("rule 93: close_clients lets what was written go out, abort_clients does not wait") {
    for (const bool abort : {false, true}) {
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete([](bool aborts) -> Coro<> {
            const std::string text = io_test::long_text(8'000'000);
            const auto flood = [&text](StreamReader reader, StreamWriter writer) -> Coro<> {
                writer.write(text);
                static_cast<void>(co_await reader.read());
                co_await writer.wait_closed();
            };
            Server server = co_await start_server(flood, "127.0.0.1", 0);
            StreamConnection client = co_await connect_to(server);
            co_await until([&] { return server.connections() == 1; });
            co_await io_test::turn();
            server.close();
            if (aborts) {
                server.abort_clients();
                CHECK(server.connections() == 0);
                co_await server.wait_closed();
            } else {
                server.close_clients();
                CHECK(server.connections() == 1);
            }
            const std::string all = co_await client.reader.read();
            CHECK((aborts ? all.size() < text.size() : all == text));
            co_await server.wait_closed();
        }(abort));
    }
}

TEST_CASE("server: a graceful close waits for handlers that end in time") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(echo, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(server);
        const std::string first = co_await ask(client, "first\n");
        CHECK(first == "first\n");
        auto closed = create_task(outcome(server.close(1h)));
        co_await io_test::turn();
        CHECK_FALSE(closed.done());
        const std::string second = co_await ask(client, "second\n");
        CHECK(second == "second\n");
        client.writer.close();
        const std::string how = co_await closed;
        CHECK(how == "value");
        CHECK(server.connections() == 0);
    });
}

TEST_CASE("server: a graceful close cancels handlers that do not end, and waits for their cleanup") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        bool cleaned_up = false;
        const auto linger = [&cleaned_up](StreamReader reader, StreamWriter) -> Coro<> {
            std::exception_ptr cancelled;
            try {
                static_cast<void>(co_await reader.read());
                co_await sleep(1h);
            } catch (const CancelledError&) {
                cancelled = std::current_exception();
            }
            co_await io_test::turn();
            cleaned_up = true;
            std::rethrow_exception(cancelled);
        };
        Server server = co_await start_server(linger, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(server);
        co_await until([&] { return server.connections() == 1; });
        co_await server.close(1ms);
        CHECK(cleaned_up);
        CHECK(server.connections() == 0);
        const std::string end = co_await client.reader.read();
        CHECK(end.empty());
    });
}

TEST_CASE("server: one that is dropped stops listening, and its handlers go on") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::optional<Server> server = co_await start_server(echo, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(*server);
        const std::string before = co_await ask(client, "before\n");
        CHECK(before == "before\n");
        const std::uint16_t port = port_of(*server);
        server.reset();
        const std::error_code refused = co_await error_of(TcpStream::connect("127.0.0.1", port));
        CHECK(refused == std::errc::connection_refused);
        const std::string after = co_await ask(client, "after\n");
        CHECK(after == "after\n");
    });
}

TEST_CASE("server: clients that are waiting come in one burst, and each gets a handler") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const ServerOptions options = ServerOptions().start_serving(false).backlog(64);
        Server server = co_await start_server(echo, "127.0.0.1", 0, options);
        std::vector<StreamConnection> clients;
        for (int i = 0; i < 50; ++i) clients.push_back(co_await connect_to(server));
        CHECK(server.connections() == 0);
        server.start_serving();
        for (StreamConnection& client : clients) {
            const std::string answer = co_await ask(client, "x\n");
            CHECK(answer == "x\n");
        }
        CHECK(server.connections() == 50);
    });
    CHECK_THROWS_AS(ServerOptions().backlog(0), ValueError);
}

TEST_CASE("rule 92: a look at a listening socket takes as many clients as the backlog says") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        // More wait in the system than the server takes at a time.
        uv::Descriptor socket = uv::listen_tcp(Address("127.0.0.1", 0));
        const std::uint16_t port = uv::local_address(socket).port();
        const ServerOptions options = ServerOptions().start_serving(false).backlog(3);
        Server server = co_await start_server(echo, std::move(socket), options);
        std::vector<StreamConnection> clients;
        for (int i = 0; i < 8; ++i) clients.push_back(co_await open_connection("127.0.0.1", port));
        server.start_serving();
        std::vector<std::size_t> steps;
        std::size_t before = 0;
        while (server.connections() < 8) {
            co_await rounds(1);
            if (server.connections() > before) steps.push_back(server.connections() - before);
            before = server.connections();
        }
        CHECK(steps == std::vector<std::size_t>({3, 3, 2}));
    });
}

TEST_CASE("server: several hosts, and the same address only once") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::vector<std::string> hosts;
        for (const char* host : {"127.0.0.1", "localhost", "127.0.0.1"}) hosts.emplace_back(host);
        const ServerOptions options = ServerOptions().family(AddressFamily::ipv4);
        Server server = co_await start_server(echo, hosts, 0, options);
        CHECK(server.sockets().size() == 1);
        const std::string none = co_await outcome(start_server(echo, std::vector<std::string>(), 0));
        CHECK(contains(none, "at least one host"));
    });
}

TEST_CASE("server: an address that is in use is an error that names it") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(echo, "127.0.0.1", 0);
        const Address address = server.sockets()[0].address().value();
        const std::string text = co_await outcome(start_server(echo, "127.0.0.1", address.port()));
        CHECK(contains(text, "listen on " + address.to_string()));
    });
}

TEST_CASE("server: servers, handlers and connections that are left when the loop closes do no harm") {
    std::optional<Server> server;
    std::optional<StreamConnection> client;
    {
        TestLoop test(SteadyClock::instance());
        test.loop.run_until_complete(
            [](std::optional<Server>& s, std::optional<StreamConnection>& c) -> Coro<> {
                s.emplace(co_await start_server(echo, "127.0.0.1", 0));
                c.emplace(co_await connect_to(*s));
                const std::string answer = co_await ask(*c, "x\n");
                CHECK(answer == "x\n");
                create_task(outcome(s->serve_forever()));
                create_task(outcome(s->wait_closed()));
                // This one has not been accepted when the loop closes.
                static_cast<void>(co_await connect_to(*s));
            }(server, client));
    }
    CHECK(server->sockets().empty());
    CHECK_THROWS_AS(server->start_serving(), RuntimeError);
    server.reset();
}

namespace {

Coro<int> closed_server(Gate& gate) {
    uv::Descriptor socket = uv::listen_tcp(Address("127.0.0.1", 0));
    const auto server = std::make_shared<Server>(co_await start_server(echo, std::move(socket)));
    gate.on_open([server] { server->close(); });
    co_await server->wait_closed();
    co_return 7;
}

Coro<int> server_by_name() {
    const Server server = co_await start_server(echo, "localhost", 0);
    co_return server.is_serving() ? 7 : 0;
}

} // namespace

TEST_CASE("conformance: Server") {
    check_conformance("wait_closed", 7, [](Gate& gate) { return closed_server(gate); });
    // The name is looked up by a thread, and is there as soon as libuv looks.
    check_conformance("start_server", 7, [](Gate&) { return server_by_name(); }, true);
}

TEST_CASE("server and writer: what another one is moved into closes what it had, at once") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(echo, "127.0.0.1", 0);
        Server other = co_await start_server(echo, "127.0.0.1", 0);
        StreamConnection first = co_await connect_to(server);
        StreamConnection second = co_await connect_to(other);
        const std::uint16_t closed = port_of(server);
        co_await until([&] { return server.connections() == 1 && other.connections() == 1; });
        first.writer = std::move(second.writer);
        co_await until([&] { return server.connections() == 0; });
        server = std::move(other);
        const std::error_code refused = co_await error_of(open_connection("127.0.0.1", closed));
        CHECK(refused == std::errc::connection_refused);
        co_await first.writer.write_all("still there\n");
        CHECK(co_await second.reader.readline() == "still there\n");
    });
}

TEST_CASE("rule 93: what a handler has written is sent before its connection counts as closed") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        Server server = co_await start_server(write_much_and_leave, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(server);
        co_await until([&] { return server.connections() == 1; });
        server.close();
        Task<> closed = loop.create_task([](Server& s) -> Coro<> { co_await s.wait_closed(); }(server));
        co_await rounds(10);
        CHECK_FALSE(closed.done());
        const std::string all = co_await client.reader.read();
        CHECK(all.size() == much);
        co_await closed;
    });
}

TEST_CASE("rule 93: connections that still send what a handler has written can be aborted") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(write_much_and_leave, "127.0.0.1", 0);
        StreamConnection client = co_await connect_to(server);
        co_await until([&] { return server.connections() == 1; });
        co_await rounds(10);
        CHECK(server.connections() == 1);
        server.abort_clients();
        CHECK(server.connections() == 0);
        const std::string part = co_await client.reader.read();
        CHECK(part.size() < much);
    });
}

TEST_CASE("start_server: addresses that this machine does not have are passed over while others are left") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        std::vector<std::string> hosts;
        // Reserved for documents (RFC 5737).
        hosts.push_back("192.0.2.1");
        hosts.push_back("127.0.0.1");
        Server server = co_await start_server(echo, hosts, 0);
        REQUIRE(server.sockets().size() == 1);
        CHECK(server.sockets()[0].address().value().ip() == "127.0.0.1");
        hosts.pop_back();
        const std::string refused = co_await outcome(start_server(echo, hosts, 0));
        CHECK(refused.starts_with("listen on 192.0.2.1:0"));
    });
}

TEST_CASE("start_server: a limit of 0 is refused at once") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const auto serve = [] {
            static_cast<void>(start_server(echo, "127.0.0.1", 0, ServerOptions().limit(0)));
        };
        CHECK(thrown_by(serve) == "the limit of a StreamReader must not be 0");
        co_return;
    });
}
