#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include "io/tls_help.hpp"

#include <array>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/structure/run.hpp>
#include <aio/structure/wait_for.hpp>

#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;
using io_test::bytes;
using io_test::client_context;
using io_test::Identity;
using io_test::server_context;
using io_test::TlsPair;

namespace {

/// How a handshake ends on both sides, as text: "value", or what was thrown.
class Handshake {
public:
    std::string client;
    std::string server;
};
Coro<Handshake> try_handshake(TlsContext client, TlsContext server, std::string name = "test.example") {
    auto [a, b] = MemoryStream::pair();
    auto accepting = create_task(outcome(TlsStream::server(std::move(b), std::move(server))));
    Handshake handshake;
    handshake.client = co_await outcome(TlsStream::client(std::move(a), std::move(client), std::move(name)));
    handshake.server = co_await std::move(accepting);
    co_return handshake;
}

MemoryStreamOptions uneven_chunks() { return MemoryStreamOptions().chunk_sizes({1, 70'000, 333}); }

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

TlsContext with_protocols(TlsContext context, const std::string& first, const std::string& second) {
    context.alpn({first, second});
    return context;
}
/// The client prefers `first`, the server "h2".
Coro<std::string> chosen_protocol(std::string first, std::string second) {
    TlsPair pair =
        co_await io_test::shake_hands(MemoryStream::pair(), with_protocols(client_context(), first, second),
                                      with_protocols(server_context(), "h2", "http/1.1"));
    CHECK(pair.client.tls_info().protocol == pair.server.tls_info().protocol);
    co_return pair.client.tls_info().protocol;
}

} // namespace

TEST_CASE("TLS: bytes go both ways, and the end after them") {
    for (const std::size_t chunk : {1U, 7U, 100'000U}) {
        CAPTURE(chunk);
        run_in_loop([chunk](EventLoop&) -> Coro<> {
            TlsPair pair = co_await io_test::shake_hands(MemoryStreamOptions().chunk_size(chunk));
            CHECK(pair.client.tls_info().version == "TLSv1.3");
            CHECK(pair.client.tls_info().peer_subject == "CN=test.example");
            CHECK(pair.client.tls_info().peer_issuer == "CN=test authority");
            CHECK(pair.client.tls_info().peer_certificate == io_test::example().certificate());
            CHECK(pair.server.tls_info().server_name == "test.example");
            CHECK(pair.server.tls_info().peer_subject.empty());
            CHECK(pair.client.tls_info().cipher == pair.server.tls_info().cipher);
            co_await pair.client.write_all(bytes("question"));
            co_await pair.client.shutdown_write();
            const std::string question = co_await io_test::read_all(pair.server);
            CHECK(question == "question");
            co_await pair.server.write_all(bytes("answer"));
            pair.server.close();
            const std::string answer = co_await io_test::read_all(pair.client);
            CHECK(answer == "answer");
        });
    }
}

TEST_CASE("TLS: much goes both ways at the same time") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const std::string text = io_test::long_text(std::size_t{3} << 20);
        TlsPair pair = co_await io_test::shake_hands(uneven_chunks());
        const auto send = [&text](TlsStream& stream) -> Coro<> {
            co_await stream.write_all(bytes(text));
            co_await stream.shutdown_write();
        };
        auto sending = create_task(send(pair.client));
        auto answering = create_task(send(pair.server));
        auto reading = create_task(io_test::read_all(pair.server, 100'000));
        const std::string there = co_await io_test::read_all(pair.client, 1000);
        const std::string here = co_await std::move(reading);
        co_await std::move(sending);
        co_await std::move(answering);
        CHECK(there == text);
        CHECK(here == text);
    });
}

TEST_CASE("TLS: a reader that is slow makes its writer wait") {
    run_in_loop([](EventLoop&) -> Coro<> {
        TlsPair pair = co_await io_test::shake_hands();
        const std::string text = io_test::long_text(std::size_t{4} << 20);
        auto sending = create_task([](TlsStream& stream, const std::string& t) -> Coro<> {
            co_await stream.write_all(bytes(t));
        }(pair.client, text));
        co_await io_test::turn();
        CHECK_FALSE(sending.done());
        const std::string read = co_await io_test::read_count(pair.server, text.size());
        CHECK(read == text);
        co_await std::move(sending);
    });
}

TEST_CASE("TLS: who is not who he should be is refused, and hears of it") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const Identity& authority = io_test::authority();
        const Identity self_signed("test.example");
        const Identity expired("test.example", &authority, -10);
        const Identity not_yet("test.example", &authority, 10);
        const Identity address("IP:127.0.0.1", &authority);

        Handshake h = co_await try_handshake(client_context(), server_context());
        CHECK(h.client == "value");
        CHECK(h.server == "value");
        h = co_await try_handshake(client_context(), server_context(), "other.example");
        CHECK(has(h.client, "ostname mismatch"));
        CHECK(has(h.server, "TLS handshake with a client at a memory stream"));
        h = co_await try_handshake(client_context(), server_context(self_signed));
        CHECK(has(h.client, "self-signed certificate"));
        h = co_await try_handshake(client_context(), server_context(expired));
        CHECK(has(h.client, "certificate has expired"));
        h = co_await try_handshake(client_context(), server_context(not_yet));
        CHECK(has(h.client, "certificate is not yet valid"));
        h = co_await try_handshake(TlsContext::client(), server_context());
        CHECK(has(h.client, "unable to get local issuer certificate"));
        h = co_await try_handshake(client_context(), server_context(address), "127.0.0.1");
        CHECK(h.client == "value");
        h = co_await try_handshake(client_context(), server_context(address), "127.0.0.2");
        CHECK(has(h.client, "IP address mismatch"));

        // Unless it is not to be looked at.
        h = co_await try_handshake(client_context().check_hostname(false), server_context(), "");
        CHECK(h.client == "value");
        h = co_await try_handshake(TlsContext::client().verify(TlsVerify::none), server_context(self_signed),
                                   "");
        CHECK(h.client == "value");
        h = co_await try_handshake(client_context(), server_context(), "");
        CHECK(has(h.client, "server_hostname"));
        bool certificate_error = false;
        try {
            auto [a, b] = MemoryStream::pair();
            auto accepting =
                create_task(outcome(TlsStream::server(std::move(b), server_context(self_signed))));
            co_await TlsStream::client(std::move(a), client_context(), "test.example");
        } catch (const TlsCertificateError& error) {
            certificate_error = error.code() == std::errc::protocol_error;
        }
        CHECK(certificate_error);
    });
}

TEST_CASE("TLS: a client may have to show a certificate, too") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const Identity friendly("friend", &io_test::authority());
        const Identity stranger("stranger");
        const auto server = [](TlsVerify verify) {
            return server_context().trust_pem(io_test::authority().certificate()).verify(verify);
        };
        // With TLS 1.3 the client hears only afterwards that it was refused.
        Handshake h = co_await try_handshake(client_context(), server(TlsVerify::required));
        CHECK(has(h.server, "peer did not return a certificate"));
        h = co_await try_handshake(client_context(), server(TlsVerify::optional));
        CHECK(h.server == "value");
        TlsContext known = client_context().certificate_pem(friendly.certificate(), friendly.key());
        h = co_await try_handshake(known, server(TlsVerify::required));
        CHECK(h.server == "value");
        TlsContext unknown = client_context().certificate_pem(stranger.certificate(), stranger.key());
        h = co_await try_handshake(unknown, server(TlsVerify::optional));
        CHECK(has(h.server, "certificate was refused"));
        TlsPair pair =
            co_await io_test::shake_hands(MemoryStream::pair(), known, server(TlsVerify::required));
        CHECK(pair.server.tls_info().peer_subject == "CN=friend");
    });
}

TEST_CASE("TLS: protocols are agreed on by ALPN, as the server prefers") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const std::string preferred = co_await chosen_protocol("http/1.1", "h2");
        CHECK(preferred == "h2");
        const std::string none = co_await chosen_protocol("other", "another");
        CHECK(none.empty());
    });
    CHECK_THROWS_AS(client_context().alpn({""}), ValueError);
    CHECK_THROWS_AS(client_context().alpn({std::string(256, 'x')}), ValueError);
}

TEST_CASE("TLS: a server shows the certificate of the name that it is asked for") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const Identity second("second.example", &io_test::authority());
        const TlsContext server = server_context().for_server_name("second.example", server_context(second));
        Handshake h = co_await try_handshake(client_context(), server, "second.example");
        CHECK(h.client == "value");
        h = co_await try_handshake(client_context(), server, "test.example");
        CHECK(h.client == "value");
    });
}

TEST_CASE("TLS: versions that are too old are refused") {
    run_in_loop([](EventLoop&) -> Coro<> {
        TlsPair pair = co_await io_test::shake_hands(MemoryStream::pair(), client_context(),
                                                     server_context().minimum_version(TlsVersion::v1_3));
        CHECK(pair.client.tls_info().version == "TLSv1.3");
    });
}

TEST_CASE("TLS: a connection that is cut off is told from one that has ended") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto ends = MemoryStream::pair();
        // The client believes in a server that has gone without a word.
        TlsPair pair = co_await io_test::shake_hands(std::move(ends), client_context(), server_context());
        co_await pair.server.write_all(bytes("half of"));
        pair.server.abort();
        std::array<std::byte, 100> memory;
        const std::size_t count = co_await pair.client.read_some(memory);
        CHECK(io_test::text_of(memory, count) == "half of");
        bool cut_off = false;
        try {
            static_cast<void>(co_await pair.client.read_some(memory));
        } catch (const TlsError& error) {
            cut_off = error.code() == std::errc::connection_aborted && has(error.what(), "cut off");
        }
        CHECK(cut_off);
    });
}

TEST_CASE("TLS: what is no TLS is refused at once, and the other side is told") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        auto accepting = create_task(outcome(TlsStream::server(std::move(b), server_context())));
        co_await a.write_all(bytes("GET / HTTP/1.1\r\n\r\n"));
        const std::string end = co_await std::move(accepting);
        CHECK(has(end, "http request"));
        auto [c, d] = MemoryStream::pair();
        auto connecting =
            create_task(outcome(TlsStream::client(std::move(c), client_context(), "test.example")));
        co_await d.write_all(bytes("220 mail.example ready for anything\r\n"));
        const std::string other = co_await std::move(connecting);
        CHECK(has(other, "wrong version number"));
        // An alert says so.
        const std::string told = co_await io_test::read_all(d);
        CHECK(told.size() > 7);
    });
}

TEST_CASE("TLS: bytes that were changed on their way break the connection, for both directions") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [client_end, wire_a] = MemoryStream::pair();
        auto [wire_b, server_end] = MemoryStream::pair();
        bool corrupt = false;
        const auto carry = [&corrupt](MemoryStream& from, MemoryStream& to) -> Coro<> {
            std::array<std::byte, 4096> memory;
            while (const std::size_t count = co_await from.read_some(memory)) {
                if (corrupt) memory[count - 1] ^= std::byte{1};
                co_await to.write_all(std::span(memory).first(count));
            }
        };
        auto there = create_task(outcome(carry(wire_a, wire_b)));
        auto back = create_task(outcome(carry(wire_b, wire_a)));
        auto accepting = create_task(TlsStream::server(std::move(server_end), server_context()));
        TlsStream client =
            co_await TlsStream::client(std::move(client_end), client_context(), "test.example");
        TlsStream server = co_await std::move(accepting);
        co_await io_test::turn();
        corrupt = true;
        co_await client.write_all(bytes("trusted"));
        std::array<std::byte, 100> memory;
        const std::error_code read = co_await io_test::error_of(server.read_some(memory));
        CHECK(read == std::errc::protocol_error);
        const std::error_code written = co_await io_test::error_of(server.write_all(bytes("more")));
        CHECK(written == std::errc::protocol_error);
        there.cancel();
        back.cancel();
        static_cast<void>(co_await std::move(there));
        static_cast<void>(co_await std::move(back));
    });
}

TEST_CASE("TLS: a handshake may take only so long") {
    TestLoop test;
    test.loop.run_until_complete([]() -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        std::string end =
            co_await outcome(TlsStream::client(std::move(a), client_context(), "test.example", 5s));
        CHECK(has(end, "the handshake takes too long"));
        auto [c, d] = MemoryStream::pair();
        end = co_await outcome(TlsStream::server(std::move(d), server_context(), 5s));
        CHECK(has(end, "the handshake takes too long"));
        auto [e, f] = MemoryStream::pair();
        auto connecting =
            create_task(outcome(TlsStream::client(std::move(e), client_context(), "test.example")));
        f.close();
        end = co_await std::move(connecting);
        CHECK(has(end, "closed the connection in the handshake"));
    }());
}

TEST_CASE("TLS: errors of the stream below come through") {
    run_in_loop([](EventLoop&) -> Coro<> {
        for (const std::size_t after : {0U, 100U, 500U}) {
            CAPTURE(after);
            auto [a, b] = MemoryStream::pair();
            a.fail_reads(std::errc::connection_reset, after);
            auto accepting = create_task(outcome(TlsStream::server(std::move(b), server_context())));
            const std::error_code error =
                co_await io_test::error_of(TlsStream::client(std::move(a), client_context(), "test.example"));
            CHECK(error == std::errc::connection_reset);
            accepting.cancel();
        }
    });
}

TEST_CASE("TLS: files and texts that are no certificates are refused by name") {
    const std::string missing = "/nowhere/chain.pem";
    CHECK(has(thrown_by([&] { static_cast<void>(TlsContext::server(missing, missing)); }),
              "/nowhere/chain.pem"));
    CHECK(has(thrown_by([&] { static_cast<void>(TlsContext::server_from_pem("nonsense", "nonsense")); }),
              "the certificate chain: no certificate in PEM format"));
    CHECK(has(thrown_by([&] {
                  static_cast<void>(
                      TlsContext::server_from_pem(io_test::example().certificate(), "nonsense"));
              }),
              "the private key"));
    CHECK(has(thrown_by([&] {
                  static_cast<void>(TlsContext::server_from_pem(io_test::example().certificate(),
                                                                io_test::authority().key()));
              }),
              "key"));
    CHECK_THROWS_AS(client_context().for_server_name("x", server_context()), ValueError);
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        CHECK_THROWS_AS(static_cast<void>(TlsStream::client(std::move(a), server_context(), "x")),
                        ValueError);
        CHECK_THROWS_AS(static_cast<void>(TlsStream::server(std::move(b), client_context())), ValueError);
        co_return;
    });
}

TEST_CASE("TLS: a loop may close while a handshake, a read or a write is under way") {
    for (const int what : {0, 1, 2}) {
        CAPTURE(what);
        TestLoop test;
        test.loop.create_task([](int kind) -> Coro<> {
            if (kind == 0) {
                auto [a, b] = MemoryStream::pair();
                co_await TlsStream::client(std::move(a), client_context(), "test.example");
            }
            TlsPair pair = co_await io_test::shake_hands();
            std::array<std::byte, 10> memory;
            const std::string text = io_test::long_text(std::size_t{1} << 20);
            if (kind == 1) static_cast<void>(co_await pair.client.read_some(memory));
            co_await pair.client.write_all(bytes(text));
        }(what));
        test.loop.run_until_complete(rounds(2000));
    }
}

TEST_CASE("TLS: a connection may be within another") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const std::string text = io_test::long_text(300'000);
        TlsPair outer = co_await io_test::shake_hands(uneven_chunks());
        auto accepting = create_task(TlsStream::server(std::move(outer.server), server_context()));
        TlsStream client =
            co_await TlsStream::client(std::move(outer.client), client_context(), "test.example");
        TlsStream server = co_await std::move(accepting);
        auto reading = create_task(io_test::read_all(server));
        co_await client.write_all(bytes(text));
        client.close();
        const std::string read = co_await std::move(reading);
        CHECK(read == text);
    });
}

#endif
