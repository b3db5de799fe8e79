// How TLS connections end, and what is told of it: TLS's own end, cuts, alerts, and closing in the middle.

#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include "io/tls_help.hpp"

#include <array>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/stream_connection.hpp>

#include "io/stream_help.hpp"
#include "io/tls_peer.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;
using io_test::bytes;
using io_test::client_context;
using io_test::server_context;
using io_test::TlsPair;
using io_test::TlsPeer;

namespace {

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

/// A client of the library, and a server that is OpenSSL.
struct ClientAndPeer {
    TlsStream client;
    TlsPeer peer;
};
template <class S>
Coro<ClientAndPeer> connect_to_peer(SSL_CTX* context, std::pair<S, S> ends,
                                    TlsContext own = client_context()) {
    TlsPeer peer(context, true, std::move(ends.second));
    auto accepting = create_task(peer.shake_hands());
    TlsStream client = co_await TlsStream::client(std::move(ends.first), std::move(own), "test.example");
    co_await std::move(accepting);
    co_return ClientAndPeer{std::move(client), std::move(peer)};
}
Coro<ClientAndPeer> connect_to_peer(SSL_CTX* context) {
    return connect_to_peer(context, MemoryStream::pair());
}

/// A ticket of so many bytes more makes a message that fills several records.
constexpr std::size_t ticket_size = 2000;
int make_large_ticket(SSL* ssl, void*) {
    static constexpr std::array<char, ticket_size> data{};
    return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), data.data(), data.size());
}
io_test::SslContext context_of_large_tickets() {
    io_test::SslContext context = io_test::peer_context(true, &io_test::example());
    SSL_CTX_set_session_ticket_cb(context.get(), &make_large_ticket, nullptr, nullptr);
    SSL_CTX_set_num_tickets(context.get(), 0);
    SSL_CTX_set_max_send_fragment(context.get(), 512);
    return context;
}
/// The records of a ticket that the peer gives out of turn.
std::vector<std::vector<std::byte>> ticket_of(TlsPeer& peer) {
    REQUIRE(SSL_new_session_ticket(peer.ssl()) == 1);
    REQUIRE(SSL_do_handshake(peer.ssl()) == 1);
    std::vector<std::vector<std::byte>> records = peer.take_records();
    REQUIRE(records.size() > 2);
    return records;
}

} // namespace

TEST_CASE("TLS: the write direction is shut down after a write that is still under way") {
    run_in_loop([](EventLoop&) -> Coro<> {
        TlsPair pair = co_await io_test::shake_hands();
        const std::string text = io_test::long_text(std::size_t{1} << 20);
        auto writing = create_task([](TlsStream& stream, const std::string& t) -> Coro<> {
            co_await stream.write_all(bytes(t));
        }(pair.client, text));
        co_await io_test::turn();
        CHECK_FALSE(writing.done());
        auto ending =
            create_task([](TlsStream& stream) -> Coro<> { co_await stream.shutdown_write(); }(pair.client));
        const std::string read = co_await io_test::read_all(pair.server);
        CHECK(read == text);
        co_await std::move(writing);
        co_await std::move(ending);
    });
}

TEST_CASE("TLS: who closes in the middle of a write cuts the connection off, and the peer can tell") {
    run_in_loop([](EventLoop&) -> Coro<> {
        TlsPair pair = co_await io_test::shake_hands();
        const std::string text = io_test::long_text(std::size_t{1} << 20);
        auto writing = create_task(io_test::error_of([](TlsStream& stream, const std::string& t) -> Coro<> {
            co_await stream.write_all(bytes(t));
        }(pair.client, text)));
        co_await io_test::turn();
        CHECK_FALSE(writing.done());
        pair.client.close();
        const std::error_code written = co_await std::move(writing);
        CHECK(written == std::errc::operation_canceled);
        const std::error_code read = co_await io_test::error_of(io_test::read_all(pair.server));
        CHECK(read == std::errc::connection_aborted);
    });
}

TEST_CASE("TLS: a write that is cancelled comes to its end, or the connection does") {
    for (const int times : {1, 2}) {
        CAPTURE(times);
        run_in_loop([times](EventLoop&) -> Coro<> {
            TlsPair pair = co_await io_test::shake_hands();
            const std::string text = io_test::long_text(std::size_t{1} << 20);
            auto writing = create_task([](TlsStream& stream, const std::string& t) -> Coro<> {
                co_await stream.write_all(bytes(t));
            }(pair.client, text));
            co_await io_test::turn();
            for (int i = 0; i < times; ++i) writing.cancel();
            if (times == 1) {
                const std::string read = co_await io_test::read_count(pair.server, text.size());
                CHECK(read == text);
            } else {
                const std::error_code read = co_await io_test::error_of(io_test::read_all(pair.server));
                CHECK(read == std::errc::connection_aborted);
            }
            const std::string end = co_await outcome(std::move(writing));
            CHECK(end == "cancelled");
            CHECK(pair.client.is_open() == (times == 1));
            if (times == 2) co_return;
            co_await pair.client.write_all(bytes("more"));
            const std::string more = co_await io_test::read_count(pair.server, 4);
            CHECK(more == "more");
        });
    }
}

TEST_CASE("TLS: who sends what breaks TLS hears why") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
        ClientAndPeer both = co_await connect_to_peer(context.get());
        static_cast<void>(SSL_write(both.peer.ssl(), "trusted", 7));
        std::vector<std::vector<std::byte>> records = both.peer.take_records();
        records.back().back() ^= std::byte{1};
        co_await both.peer.stream().write_all(records.back());
        std::array<std::byte, 100> memory;
        const std::string read = co_await outcome(both.client.read_some(memory));
        CHECK(has(read, "TLS with a memory stream (test.example): decryption failed or bad record mac"));
        // The alert is there before anybody closes.
        const std::string told = co_await both.peer.read(1);
        CHECK(told.empty());
        CHECK(ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
        ERR_clear_error();
    });
}

TEST_CASE("TLS: what is written while half a message about tickets is there goes out after the other half") {
    for (const bool whole : {false, true}) {
        CAPTURE(whole);
        run_in_loop([whole](EventLoop&) -> Coro<> {
            const io_test::SslContext context = context_of_large_tickets();
            ClientAndPeer both = co_await connect_to_peer(context.get());
            const std::vector<std::vector<std::byte>> ticket = ticket_of(both.peer);
            co_await both.peer.stream().write_all(ticket.front());
            co_await io_test::turn();
            // A short one, which need not be waited for; or a long one, and the end.
            const std::string text = io_test::long_text(whole ? 500'000 : 10);
            auto writing = create_task([](TlsStream& stream, const std::string& t) -> Coro<> {
                co_await stream.write_all(bytes(t));
            }(both.client, text));
            co_await io_test::turn();
            CHECK(writing.done() != whole);
            auto ending = create_task(
                [](TlsStream& stream) -> Coro<> { co_await stream.shutdown_write(); }(both.client));
            co_await io_test::turn();
            CHECK_FALSE(ending.done());
            CHECK(both.client.write_queue_size() >= text.size());
            for (std::size_t i = 1; i < ticket.size(); ++i) co_await both.peer.stream().write_all(ticket[i]);
            const std::string read = co_await both.peer.read(text.size() + 1);
            CHECK(read == text);
            CHECK(both.peer.has_ended());
            co_await std::move(writing);
            co_await std::move(ending);
        });
    }
}

TEST_CASE("TLS: a writer that closes meanwhile still sends, and one that drains waits") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const io_test::SslContext context = context_of_large_tickets();
        ClientAndPeer both = co_await connect_to_peer(context.get());
        const std::vector<std::vector<std::byte>> ticket = ticket_of(both.peer);
        StreamConnection connection(std::move(both.client));
        co_await both.peer.stream().write_all(ticket.front());
        co_await io_test::turn();
        const std::string text = io_test::long_text(100'000);
        connection.writer.write(text);
        auto draining = create_task(outcome(connection.writer.drain()));
        co_await io_test::turn();
        CHECK_FALSE(draining.done());
        connection.writer.close();
        co_await io_test::turn();
        CHECK_FALSE(draining.done());
        for (std::size_t i = 1; i < ticket.size(); ++i) co_await both.peer.stream().write_all(ticket[i]);
        const std::string read = co_await both.peer.read(text.size() + 1);
        CHECK(read == text);
        CHECK(both.peer.has_ended());
        co_await connection.writer.wait_closed();
        const std::string drained = co_await std::move(draining);
        CHECK(drained == "value");
    });
}

TEST_CASE("TLS: new keys may be asked for at any time, from either side, and nothing is lost") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
        ClientAndPeer both = co_await connect_to_peer(context.get());
        std::array<std::byte, 100> memory;
        for (int i = 0; i < 50; ++i) {
            REQUIRE(SSL_key_update(both.peer.ssl(), i % 3 == 0 ? SSL_KEY_UPDATE_NOT_REQUESTED
                                                               : SSL_KEY_UPDATE_REQUESTED) == 1);
            co_await both.peer.send("to you");
            const std::size_t count = co_await both.client.read_some(memory);
            CHECK(io_test::text_of(memory, count) == "to you");
            co_await both.client.write_all(bytes("to me"));
            const std::string back = co_await both.peer.read(5);
            CHECK(back == "to me");
        }
        co_await both.client.shutdown_write();
        const std::string rest = co_await both.peer.read(1);
        CHECK(rest.empty());
        CHECK(both.peer.has_ended());
    });
}

TEST_CASE("TLS: who has ended his direction is not broken by a peer that wants new keys") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
        ClientAndPeer both = co_await connect_to_peer(context.get());
        StreamConnection client(std::move(both.client));
        client.writer.write_eof();
        const std::string nothing = co_await both.peer.read(1);
        CHECK(nothing.empty());
        for (int i = 0; i < 3; ++i) {
            REQUIRE(SSL_key_update(both.peer.ssl(), SSL_KEY_UPDATE_REQUESTED) == 1);
            co_await both.peer.send("more\n");
            const std::string line = co_await client.reader.readline();
            CHECK(line == "more\n");
        }
        co_await client.writer.drain();
        SSL_shutdown(both.peer.ssl());
        co_await both.peer.flush();
        const std::string rest = co_await client.reader.read();
        CHECK(rest.empty());
        client.writer.close();
        co_await client.writer.wait_closed();
    });
}

TEST_CASE("TLS: what is whole before the connection is cut off is read first") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
        ClientAndPeer both = co_await connect_to_peer(context.get());
        StreamConnection client(std::move(both.client));
        co_await both.peer.send("one\ntwo\nthr");
        both.peer.stream().close();
        co_await io_test::turn();
        const std::string one = co_await client.reader.readline();
        CHECK(one == "one\n");
        const std::string two = co_await client.reader.readexactly(4);
        CHECK(two == "two\n");
        CHECK(co_await io_test::error_of(client.reader.readline()) == std::errc::connection_aborted);
        const std::string part = co_await client.reader.read(10);
        CHECK(part == "thr");
        CHECK_FALSE(client.reader.at_eof());
        CHECK(co_await io_test::error_of(client.reader.read(10)) == std::errc::connection_aborted);
    });
}

TEST_CASE("TLS: a peer that never ends a connection is waited for as long as the context says") {
    for (const auto patience : {0s, 5s, 30s}) {
        CAPTURE(patience.count());
        run_in_loop([&](EventLoop& loop) -> Coro<> {
            const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
            TlsContext own = client_context();
            // The last one is the default.
            if (patience != 30s) own.shutdown_timeout(patience);
            ClientAndPeer both = co_await connect_to_peer(context.get(), MemoryStream::pair(), own);
            StreamConnection client(std::move(both.client));
            const TimePoint begin = loop.time();
            client.writer.write("bye");
            client.writer.close();
            co_await client.writer.wait_closed();
            CHECK((loop.time() == begin + patience));
            const std::string text = co_await both.peer.read(4);
            CHECK(text == "bye");
            CHECK(both.peer.has_ended());
        });
    }
    CHECK_THROWS_AS(client_context().shutdown_timeout(-1s), ValueError);
}

TEST_CASE("TLS: one that is closed may be aborted, or its loop closed, while it waits for the peer") {
    for (const bool aborts : {true, false})
        run_in_loop([&](EventLoop&) -> Coro<> {
            const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
            ClientAndPeer both = co_await connect_to_peer(context.get());
            StreamConnection client(std::move(both.client));
            client.writer.write("bye");
            client.writer.close();
            auto waiting = create_task([](StreamWriter& writer) -> Coro<> { co_await writer.wait_closed(); },
                                       std::ref(client.writer));
            co_await rounds(5);
            CHECK_FALSE(waiting.done());
            if (!aborts) co_return;
            client.writer.abort();
            CHECK(co_await outcome(waiting) == "value");
        });
}

TEST_CASE("TLS: a peer that ends the connection in the handshake is said to have done that") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair();
        auto connecting =
            create_task(outcome(TlsStream::client(std::move(ends.first), client_context(), "test.example")));
        const std::string close_notify("\x15\x03\x03\x00\x02\x01\x00", 7);
        co_await ends.second.write_all(bytes(close_notify));
        const std::string how = co_await connecting;
        CHECK(has(how, "the peer has ended the connection in the handshake"));
    });
}

TEST_CASE("TLS: after TLS 1.2's end, too, the other direction goes on") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
        SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
        ClientAndPeer both = co_await connect_to_peer(context.get());
        CHECK(both.client.tls_info().version == "TLSv1.2");
        SSL_shutdown(both.peer.ssl());
        co_await both.peer.flush();
        const std::string read = co_await io_test::read_all(both.client);
        CHECK(read.empty());
        co_await both.client.write_all(bytes("still here"));
        both.client.close();
        const std::string back = co_await both.peer.read(100);
        CHECK(has("still here", back.c_str()));
    });
}

TEST_CASE("TLS: renegotiation is refused, and the connection goes on") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        const io_test::SslContext context = io_test::peer_context(false);
        SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
        TlsPeer peer(context.get(), false, std::move(a));
        auto connecting = create_task(peer.shake_hands());
        TlsStream server = co_await TlsStream::server(std::move(b), server_context());
        co_await std::move(connecting);
        REQUIRE(SSL_renegotiate(peer.ssl()) == 1);
        static_cast<void>(SSL_do_handshake(peer.ssl()));
        co_await peer.flush();
        std::array<std::byte, 100> memory;
        auto reading = create_task(outcome(server.read_some(memory)));
        co_await io_test::turn();
        CHECK_FALSE(reading.done());
        co_await server.write_all(bytes("go on"));
        const bool answered = co_await peer.receive();
        CHECK(answered);
        reading.cancel();
        static_cast<void>(co_await std::move(reading));
    });
}

TEST_CASE("TLS: a peer that asks for ever more answers and reads none is not obeyed for ever") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
        SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
        ClientAndPeer both = co_await connect_to_peer(context.get());
        std::array<std::byte, 100> memory;
        auto reading = create_task(outcome(both.client.read_some(memory)));
        // Each is answered by an alert.
        for (int i = 0; i < 20'000 && !reading.done(); ++i) {
            REQUIRE(SSL_renegotiate(both.peer.ssl()) == 1);
            REQUIRE(SSL_do_handshake(both.peer.ssl()) == 1);
            if (i % 500 == 0) {
                co_await both.peer.flush();
                co_await rounds(3);
            }
        }
        REQUIRE(reading.done());
        const std::string end = co_await std::move(reading);
        CHECK(has(end, "asks for answers, and does not read them"));
        CHECK(both.client.write_queue_size() < 300'000);
    });
}

TEST_CASE("TLS: an end that the peer has told is one, whatever befell a write meanwhile") {
    for (const bool told : {true, false}) {
        CAPTURE(told);
        run_in_loop([told](EventLoop&) -> Coro<> {
            const io_test::SslContext context = io_test::peer_context(true, &io_test::example());
            auto ends = MemoryStream::pair();
            constexpr std::size_t after_the_handshake = 50'000;
            ends.first.fail_writes(std::errc::connection_reset, after_the_handshake);
            ClientAndPeer both = co_await connect_to_peer(context.get(), std::move(ends));
            const std::string text = io_test::long_text(2 * after_the_handshake);
            const std::error_code written = co_await io_test::error_of(both.client.write_all(bytes(text)));
            CHECK(written == std::errc::connection_reset);
            co_await both.peer.send("the last words");
            if (told) {
                SSL_shutdown(both.peer.ssl());
                co_await both.peer.flush();
            }
            both.peer.stream().close();
            const std::string words = co_await io_test::read_count(both.client, 14);
            CHECK(words == "the last words");
            std::array<std::byte, 100> memory;
            const std::error_code end = co_await io_test::error_of(both.client.read_some(memory));
            CHECK((told ? !end : end == std::errc::connection_reset));
        });
    }
}

TEST_CASE("TLS: a loop may close over half a message and what waits behind it") {
    for (const bool waiting : {false, true}) {
        CAPTURE(waiting);
        const io_test::SslContext context = context_of_large_tickets();
        TestLoop test(SteadyClock::instance());
        // Not in memory: a stream of the system has no more to tell when it is closed.
        ClientAndPeer both =
            test.loop.run_until_complete(connect_to_peer(context.get(), PipeStream::pair(test.loop)));
        const std::vector<std::vector<std::byte>> ticket = ticket_of(both.peer);
        const std::string text = io_test::long_text(waiting ? 500'000 : 10);
        const auto write = [&]() -> Coro<> {
            co_await both.peer.stream().write_all(ticket.front());
            co_await io_test::turn();
            co_await both.client.write_all(bytes(text));
            co_await both.client.shutdown_write();
        };
        Task<> writing = test.loop.create_task(write());
        test.loop.run_until_complete(io_test::turn());
        test.loop.run_until_complete(io_test::turn());
        CHECK_FALSE(writing.done());
        CHECK(both.client.write_queue_size() >= text.size());
        test.loop.close();
        CHECK_FALSE(both.client.is_open());
        CHECK_FALSE(both.peer.stream().is_open());
    }
}

#endif
