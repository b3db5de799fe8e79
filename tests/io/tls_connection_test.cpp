// TLS where connections are made: servers, open_connection, start_tls.

#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include "io/tls_help.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>

#include "io/connection_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;
using io_test::client_context;
using io_test::Identity;
using io_test::server_context;

namespace {

/// Reads and writes until the peer closes.
Coro<> echo(StreamReader reader, StreamWriter writer) {
    for (;;) {
        const std::string data = co_await reader.read(4096);
        if (data.empty()) co_return;
        co_await writer.write_all(data);
    }
}

} // namespace

TEST_CASE("TLS: servers and connections that are given a context use it") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const Identity local("IP:127.0.0.1", &io_test::authority());
        Server server =
            co_await start_server(echo, "127.0.0.1", 0, ServerOptions().tls(server_context(local)));
        const Address address = server.sockets().at(0).address().value();
        auto [reader, writer] =
            co_await open_connection("127.0.0.1", address.port(), ConnectOptions().tls(client_context()));
        CHECK(writer.tls_info().value().version == "TLSv1.3");
        CHECK(writer.peername() == address);
        writer.write("over there\n");
        const std::string line = co_await reader.readline();
        CHECK(line == "over there\n");
        CHECK(server.connections() == 1);
        writer.write_eof();
        const std::string rest = co_await reader.read();
        CHECK(rest.empty());

        const std::error_code refused = co_await io_test::error_of(open_connection(
            "127.0.0.1", address.port(), ConnectOptions().tls(client_context()).server_hostname("other")));
        CHECK(refused == std::errc::protocol_error);
        // With whom, and for which name.
        const std::string why = co_await outcome(open_connection(
            "127.0.0.1", address.port(), ConnectOptions().tls(client_context()).server_hostname("other")));
        CHECK(why.find("TLS handshake with " + address.to_string() + " (other): ") == 0);
        co_await server.close(10s);
        CHECK(server.connections() == 0);
        CHECK_THROWS_AS(static_cast<void>(start_server(echo, "", 0, ServerOptions().tls(client_context()))),
                        ValueError);
        CHECK_THROWS_AS(static_cast<void>(start_server(
                            echo, "", 0, ServerOptions().tls(server_context()).tls_handshake_timeout(0s))),
                        ValueError);
    });
}

TEST_CASE("TLS: a client that fails the handshake, or never begins one, is no concern of the others") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](TestLoop& own) -> Coro<> {
        const Identity local("IP:127.0.0.1", &io_test::authority());
        Server server = co_await start_server(
            echo, "127.0.0.1", 0,
            ServerOptions().tls(server_context(local)).tls_handshake_timeout(std::chrono::milliseconds(50)));
        const std::uint16_t port = server.sockets().at(0).address().value().port();
        auto silent = co_await open_connection("127.0.0.1", port);
        auto wrong = co_await open_connection("127.0.0.1", port);
        wrong.writer.write("GET / HTTP/1.1\r\n\r\n");
        auto good = co_await open_connection("127.0.0.1", port, ConnectOptions().tls(client_context()));
        good.writer.write("hello\n");
        const std::string line = co_await good.reader.readline();
        CHECK(line == "hello\n");
        // Both are disconnected.
        static_cast<void>(co_await outcome(wrong.reader.read()));
        static_cast<void>(co_await outcome(silent.reader.read()));
        CHECK(server.connections() == 1);
        CHECK(own.reports.empty());
        // Closing waits for handshakes as for handlers.
        auto late = co_await open_connection("127.0.0.1", port);
        good.writer.close();
        co_await server.close(10s);
    }(test));
}

TEST_CASE("TLS: a connection goes over to it by start_tls") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const std::size_t chunk : {1U, 100'000U}) {
            CAPTURE(chunk);
            auto [a, b] = MemoryStream::pair(MemoryStreamOptions().chunk_size(chunk));
            const auto serve = [](Stream end) -> Coro<std::string> {
                StreamConnection plain(std::move(end));
                const std::string command = co_await plain.reader.readline();
                plain.writer.write("GO\n");
                StreamConnection secure = co_await start_tls(std::move(plain), server_context());
                co_return command + co_await secure.reader.readline();
            };
            auto serving = create_task(serve(std::move(b)));
            StreamConnection plain(std::move(a));
            plain.writer.write("STARTTLS\n");
            const std::string go = co_await plain.reader.readline();
            CHECK(go == "GO\n");
            StreamConnection secure = co_await start_tls(std::move(plain), client_context(), "test.example");
            secure.writer.write("secret\n");
            const std::string read = co_await std::move(serving);
            CHECK(read == "STARTTLS\nsecret\n");
        }
    });
}

TEST_CASE("TLS: what start_tls cannot be used for, it says, and closes") {
    run_in_loop([](EventLoop&) -> Coro<> {
        // While somebody reads.
        io_test::ConnectionPair pair;
        auto reading = create_task(outcome(pair.a.reader.readline()));
        co_await io_test::turn();
        std::string end = co_await outcome(start_tls(std::move(pair.a), client_context(), "test.example"));
        CHECK(end == "start_tls: another task waits in this stream");
        end = co_await std::move(reading);
        CHECK(end == "value");
        end = co_await pair.b.reader.read();
        CHECK(end.empty());

        // After the end of the write direction, when closed, or moved from.
        io_test::ConnectionPair second;
        second.a.writer.write_eof();
        end = co_await outcome(start_tls(std::move(second.a), client_context(), "test.example"));
        CHECK(end.find("the write direction of this stream has been shut down") != std::string::npos);
        end = co_await outcome(start_tls(std::move(second.a), client_context(), "test.example"));
        CHECK(end == "this StreamReader has been moved from");
        second.b.writer.close();
        const std::error_code closed =
            co_await io_test::error_of(start_tls(std::move(second.b), client_context(), "test.example"));
        CHECK(closed == std::errc::bad_file_descriptor);

        // Without a name for the certificate.
        io_test::ConnectionPair third;
        end = co_await outcome(start_tls(std::move(third.a), client_context()));
        CHECK(end.find("give server_hostname") != std::string::npos);
        end = co_await third.b.reader.read();
        CHECK(end.empty());

        // With somebody who does not go along.
        io_test::ConnectionPair fourth;
        fourth.b.writer.write("502 not implemented here\r\n");
        end = co_await outcome(start_tls(std::move(fourth.a), client_context(), "test.example"));
        CHECK(end.find("wrong version number") != std::string::npos);
    });
}

TEST_CASE("TLS: start_tls that is cancelled, or takes too long, closes the connection") {
    run_in_loop([](EventLoop&) -> Coro<> {
        io_test::ConnectionPair pair;
        auto starting = create_task(start_tls(std::move(pair.a), client_context(), "test.example"));
        co_await io_test::turn();
        CHECK_FALSE(starting.done());
        starting.cancel();
        std::string end = co_await outcome(std::move(starting));
        CHECK(end == "cancelled");
        // What it has said is there, and then the end.
        end = co_await pair.b.reader.read();
        CHECK_FALSE(end.empty());
        io_test::ConnectionPair late;
        end = co_await outcome(start_tls(std::move(late.a), client_context(), "test.example", 5s));
        CHECK(end.find("takes too long") != std::string::npos);
        end = co_await late.b.reader.read();
        CHECK(late.b.reader.at_eof());
    });
}

TEST_CASE("TLS: a loop may close while a server's client is in its handshake") {
    std::optional<Server> server;
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](std::optional<Server>& kept) -> Coro<> {
        kept.emplace(co_await start_server(echo, "127.0.0.1", 0, ServerOptions().tls(server_context())));
        const std::uint16_t port = kept->sockets().at(0).address().value().port();
        StreamConnection silent = co_await open_connection("127.0.0.1", port);
        while (kept->connections() == 0) co_await sleep(0s);
        SUBCASE("all at once") {}
        SUBCASE("after its connections were aborted") {
            kept->abort_clients();
            CHECK(kept->connections() == 0);
        }
        SUBCASE("after its connections were closed") {
            kept->close_clients();
            CHECK(kept->connections() == 0);
        }
    }(server));
    test.loop.close();
    server.reset();
}

#endif
