// TLS over Unix domain sockets, and many connections one after the other.

#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include "io/tls_help.hpp"

#include <filesystem>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <sys/socket.h>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>
#include <aio/io/tcp_listener.hpp>
#include <aio/io/temporary.hpp>

#include "io/stream_help.hpp"
#include "io/tls_peer.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using io_test::client_context;
using io_test::server_context;

namespace {

Coro<> echo(StreamReader reader, StreamWriter writer) {
    for (;;) {
        const std::string data = co_await reader.read(4096);
        if (data.empty()) co_return;
        co_await writer.write_all(data);
    }
}

/// Echoes, and bears what clients do.
Coro<> bearing_echo(StreamReader reader, StreamWriter writer) {
    static_cast<void>(co_await outcome(echo(std::move(reader), std::move(writer))));
}

std::size_t descriptors() {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator("/dev/fd"), std::filesystem::directory_iterator()));
}

ConnectOptions options_for(const std::string& name) {
    return ConnectOptions().tls(client_context()).server_hostname(name);
}

/// A client that behaves like one of several kinds.
Coro<> visit(std::string path, int kind, ConnectOptions good, ConnectOptions wrong) {
    if (kind == 1) {
        // Says nothing.
        const StreamConnection silent = co_await open_unix_connection(path);
        co_await sleep(0s);
        co_return;
    }
    if (kind == 2) {
        const std::string end = co_await outcome(open_unix_connection(path, wrong));
        CHECK(end.find("mismatch") != std::string::npos);
        co_return;
    }
    StreamConnection connection = co_await open_unix_connection(path, good);
    connection.writer.write("hello\n");
    if (kind == 3) {
        connection.writer.abort();
        co_return;
    }
    const std::string line = co_await connection.reader.readline();
    CHECK(line == "hello\n");
}

} // namespace

TEST_CASE("TLS: Unix domain sockets speak it as well") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const TemporaryDirectory folder = co_await TemporaryDirectory::create();
        const std::string path = (folder.path() / "socket").string();
        Server server = co_await start_unix_server(echo, path, ServerOptions().tls(server_context()));
        StreamConnection connection = co_await open_unix_connection(path, options_for("test.example"));
        connection.writer.write("here\n");
        const std::string line = co_await connection.reader.readline();
        CHECK(line == "here\n");
        CHECK(connection.writer.tls_info().value().version == "TLSv1.3");
        connection.writer.close();
        std::string end = co_await outcome(open_unix_connection(path, options_for("other.example")));
        CHECK(end.find("TLS handshake with " + path + " (other.example): ") == 0);
        end = co_await outcome(open_unix_connection(path, ConnectOptions().tls(client_context())));
        CHECK(end.find("give server_hostname") != std::string::npos);
        co_await server.close(10s);
    });
}

TEST_CASE("TLS: thousands of connections leave nothing behind") {
    std::size_t before = 0;
    std::size_t most = 0;
    run_in_real_time([&](EventLoop&) -> Coro<> {
        const TemporaryDirectory folder = co_await TemporaryDirectory::create();
        const std::string path = (folder.path() / "socket").string();
        Server server = co_await start_unix_server(bearing_echo, path, ServerOptions().tls(server_context()));
        const ConnectOptions good = options_for("test.example");
        const ConnectOptions wrong = options_for("other.example");
        co_await visit(path, 0, good, wrong);
        while (server.connections() > 0) co_await sleep(0s);
        // The client takes leave a little later.
        co_await io_test::turn();
        before = descriptors();
        constexpr int at_once = 20;
        for (int round = 0; round < 100; ++round) {
            std::vector<Task<>> visits;
            for (int i = 0; i < at_once; ++i) visits.push_back(create_task(visit(path, i % 5, good, wrong)));
            // One changes its mind, each time at another moment.
            for (int i = 0; i < round % 25; ++i) co_await sleep(0s);
            visits[4].cancel();
            for (Task<>& one : visits) {
                const std::string end = co_await outcome(one);
                CHECK((end == "value" || (&one == &visits[4] && end == "cancelled")));
            }
            while (server.connections() > 0) co_await sleep(0s);
            for (int i = 0; i < 10'000 && descriptors() != before; ++i) co_await sleep(0s);
            most = std::max(most, descriptors());
        }
        CHECK(descriptors() == before);
        CHECK(most == before);
        co_await server.close(10s);
    });
}

TEST_CASE("TLS: what is written before close arrives, whatever the peer sends that nobody reads") {
    for (const bool waits : {true, false})
        run_in_real_time([&](EventLoop&) -> Coro<> {
            const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
            TcpListener listener("127.0.0.1", 0);
            auto connecting = create_task(open_connection("127.0.0.1", listener.local_address().port(),
                                                          options_for("test.example").limit(1000)));
            TcpStream accepted = co_await listener.accept();
            io_test::TlsPeer peer(context.get(), true, std::move(accepted));
            co_await peer.shake_hands();
            StreamConnection client = co_await std::move(connecting);
            // It fills what the client keeps, and then the system's memory.
            co_await peer.send(io_test::long_text(60'000));
            co_await io_test::turn();
            const std::string text = io_test::long_text(3'000'000);
            const auto write = [&]() -> Coro<> {
                co_await client.writer.write_all(text);
                client.writer.close();
                if (waits)
                    co_await client.writer.wait_closed();
                else
                    const StreamWriter dropped = std::move(client.writer);
            };
            Task<> writing = create_task(write);
            co_await io_test::turn();
            co_await peer.send(io_test::long_text(60'000));
            const std::string read = co_await peer.read(text.size() + 1);
            CHECK((read == text));
            CHECK(peer.has_ended());
            if (waits) CHECK_FALSE(writing.done());
            peer.stream().close();
            co_await writing;
        });
}

TEST_CASE("TLS: a client may break the connection that still sends what a handler has left") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const auto write_much_and_leave = [](StreamReader, StreamWriter writer) {
            writer.write(std::string(6'000'000, 'x'));
        };
        Server server = co_await start_server(write_much_and_leave, "127.0.0.1", 0,
                                              ServerOptions().tls(server_context()));
        StreamConnection client = co_await open_connection(
            "127.0.0.1", server.sockets().at(0).address().value().port(), options_for("test.example"));
        co_await io_test::turn();
        REQUIRE(server.connections() == 1);
        // The head of a record, and nothing that could be one.
        const std::string junk = std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, '?');
        CHECK(::send(client.writer.fileno(), junk.data(), junk.size(), 0) == 37);
        while (server.connections() > 0) co_await io_test::turn();
    });
}

#endif
