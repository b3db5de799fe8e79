// What a TlsContext says: names, keys, protocols, and whom it lets in.

#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include "io/tls_help.hpp"

#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/file_system.hpp>
#include <aio/io/temporary.hpp>

#include "io/stream_help.hpp"
#include "io/tls_peer.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using aio::testing::MemoryStream;
using io_test::client_context;
using io_test::Identity;
using io_test::server_context;
using io_test::TlsPair;
using io_test::TlsPeer;

namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// How a client's handshake ends with a server that shows this certificate.
Coro<std::string> client_outcome(TlsContext client, TlsContext server, std::string name) {
    auto [a, b] = MemoryStream::pair();
    auto accepting = create_task(outcome(TlsStream::server(std::move(b), std::move(server))));
    std::string end = co_await outcome(TlsStream::client(std::move(a), std::move(client), std::move(name)));
    accepting.cancel();
    co_return end;
}
std::string outcome_for(const std::string& certified, const std::string& asked) {
    return run_in_loop([&](EventLoop&) -> Coro<std::string> {
        const Identity identity(certified, &io_test::authority());
        co_return co_await client_outcome(client_context(), server_context(identity), asked);
    });
}

/// A client of OpenSSL's that offers `session`, if there is one, to a server and asks it for `name`; gives
/// the session that the server offers for the next time.
class Visit {
public:
    bool resumed = false;
    std::string server;
    SSL_SESSION* session = nullptr;
};
SSL_SESSION* kept_session = nullptr;
int keep_session(SSL*, SSL_SESSION* session) {
    SSL_SESSION_free(std::exchange(kept_session, session));
    return 1;
}
Coro<Visit> visit(TlsContext server, std::string name, SSL_SESSION* session, int version = TLS1_3_VERSION) {
    auto [a, b] = MemoryStream::pair();
    const io_test::SslContext context = io_test::peer_context(false);
    SSL_CTX_set_max_proto_version(context.get(), version);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), &keep_session);
    TlsPeer peer(context.get(), false, std::move(a));
    SSL_set_tlsext_host_name(peer.ssl(), name.c_str());
    if (session != nullptr) SSL_set_session(peer.ssl(), session);
    const auto serve = [](Stream end, TlsContext own) -> Coro<std::string> {
        TlsStream stream = co_await TlsStream::server(std::move(end), std::move(own));
        co_await stream.write_all(io_test::bytes("welcome"));
        co_return stream.tls_info().server_name;
    };
    auto serving = create_task(outcome(serve(std::move(b), std::move(server))));
    Visit result;
    const std::string hands = co_await outcome(peer.shake_hands());
    if (hands == "value") static_cast<void>(co_await peer.read(7));
    result.resumed = SSL_session_reused(peer.ssl()) == 1;
    // Sessions of connections that were broken off are not taken up again.
    if (hands == "value") SSL_shutdown(peer.ssl());
    result.server = co_await std::move(serving);
    result.session = std::exchange(kept_session, nullptr);
    co_return result;
}

} // namespace

TEST_CASE("TLS: a name is what a certificate has it for, and nothing else") {
    CHECK(outcome_for("test.example", "test.example") == "value");
    CHECK(outcome_for("test.example", "TEST.Example") == "value");
    // The dot at the end of a whole name belongs to no certificate.
    CHECK(outcome_for("test.example", "test.example.") == "value");
    CHECK(outcome_for("*.test.example", "www.test.example") == "value");
    CHECK(has(outcome_for("*.test.example", "a.www.test.example"), "ostname mismatch"));
    // A star is for a whole label.
    CHECK(has(outcome_for("w*.test.example", "www.test.example"), "ostname mismatch"));
    // A subject is no name.
    CHECK(has(outcome_for("CN:test.example", "test.example"), "ostname mismatch"));
    CHECK(outcome_for("IP:::1", "::1") == "value");
    CHECK(outcome_for("IP:fe80::1", "fe80::1%1") == "value");
    CHECK(has(outcome_for("IP:::1", "::2"), "IP address mismatch"));
    // An address in a certificate is none that is written as a name there.
    CHECK(has(outcome_for("127.0.0.1", "127.0.0.1"), "IP address mismatch"));
    CHECK(has(outcome_for("test.example", std::string("test.example\0.evil", 18)), "is no name of a server"));
    CHECK(has(outcome_for("test.example", "b\xc3\xbc"
                                          "cher.example"),
              "xn--"));
    CHECK(has(outcome_for("test.example", std::string(300, 'x')), "is no name of a server"));
    // To OpenSSL ".example" would be any name below it.
    for (const char* name : {".example", ".test.example", "test..example", "."})
        CHECK(has(outcome_for("test.example", name), "is no name of a server"));
    CHECK(has(outcome_for("test.example", "127.0.0.1."), "IP address mismatch"));
}

TEST_CASE("TLS: a certificate that is trusted need not be that of an authority") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const Identity& server = io_test::example();
        TlsContext client = TlsContext::client();
        client.trust_pem(server.certificate());
        const std::string end = co_await client_outcome(client, server_context(server), "test.example");
        CHECK(end == "value");
    });
}

TEST_CASE("TLS: private keys may have a password") {
    const Identity& identity = io_test::example();
    const std::string locked = identity.locked_key("open sesame");
    run_in_loop([&](EventLoop&) -> Coro<> {
        const TlsContext server = TlsContext::server_from_pem(identity.certificate(), locked, "open sesame");
        const std::string end = co_await client_outcome(client_context(), server, "test.example");
        CHECK(end == "value");
    });
    const auto with = [&](const std::string& password) {
        return thrown_by([&] {
            static_cast<void>(TlsContext::server_from_pem(identity.certificate(), locked, password));
        });
    };
    CHECK(has(with(""), "the private key is encrypted, and there is no password for it"));
    CHECK(has(with("wrong"), "the private key"));
    CHECK(has(with(std::string(100'000, 'x')), "the private key"));
    CHECK_NOTHROW(client_context().certificate_pem(identity.certificate(), locked, "open sesame"));
}

TEST_CASE("TLS: files are named by what is wrong with them") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const TemporaryDirectory folder = co_await TemporaryDirectory::create();
        const std::string path = folder.path().string();
        const std::string chain = path + "/chain.pem";
        const std::string key = path + "/key.pem";
        std::ofstream(chain) << io_test::example().certificate();
        std::ofstream(key) << io_test::example().key();
        CHECK(thrown_by([&] { static_cast<void>(TlsContext::server(chain, key)); }) == "none");
        const auto failure = [](const std::string& c, const std::string& k) {
            return thrown_by([&] { static_cast<void>(TlsContext::server(c, k)); });
        };
        CHECK(has(failure(path, key), "read " + path));
        CHECK(has(failure(chain, path + "/none"), "read " + path + "/none"));
        CHECK(has(failure(key, key), "the certificate chain in " + key));
        CHECK(has(failure(chain, chain), "the private key in " + chain));
        CHECK(has(thrown_by([&] { client_context().trust_file(key); }), "to trust in " + key));
    });
}

TEST_CASE("TLS: a certificate that takes the place of another leaves nothing of its chain") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const Identity authority("");
        const Identity server("test.example", &authority);
        // An authority with a chain first, then one without.
        TlsContext context =
            server_context().certificate_pem(server.certificate() + authority.certificate(), server.key());
        context.certificate_pem(server.certificate(), server.key());
        auto [a, b] = MemoryStream::pair();
        const io_test::SslContext peers = io_test::peer_context(false);
        TlsPeer peer(peers.get(), false, std::move(a));
        auto accepting = create_task(outcome(TlsStream::server(std::move(b), context)));
        co_await peer.shake_hands();
        CHECK(sk_X509_num(SSL_get_peer_cert_chain(peer.ssl())) == 1);
        const std::string end = co_await std::move(accepting);
        CHECK(end == "value");
    });
}

TEST_CASE("TLS: who asks for a name is received by the context of that name, in all that it says") {
    run_in_loop([](EventLoop&) -> Coro<> {
        const Identity secret("secret.example", &io_test::authority());
        const Identity friendly("friend", &io_test::authority());
        TlsContext guarded = server_context(secret)
                                 .trust_pem(io_test::authority().certificate())
                                 .verify(TlsVerify::required)
                                 .alpn({"guarded"});
        const TlsContext server = server_context().for_server_name("Secret.Example", guarded);
        const TlsContext known =
            client_context().certificate_pem(friendly.certificate(), friendly.key()).alpn({"guarded"});

        // Names are the same in capitals, which a client may use.
        TlsPair pair = co_await io_test::shake_hands(MemoryStream::pair(), known, server, "SECRET.example");
        CHECK(pair.server.tls_info().peer_subject == "CN=friend");
        CHECK(pair.client.tls_info().protocol == "guarded");
        CHECK(pair.client.tls_info().peer_subject == "CN=secret.example");

        auto [a, b] = MemoryStream::pair();
        auto accepting = create_task(outcome(TlsStream::server(std::move(b), server)));
        static_cast<void>(
            co_await outcome(TlsStream::client(std::move(a), client_context(), "secret.example")));
        const std::string end = co_await std::move(accepting);
        CHECK(has(end, "peer did not return a certificate"));

        // One that is stricter in what it speaks.
        TlsContext modern = server_context(secret).minimum_version(TlsVersion::v1_3);
        const Visit old = co_await visit(server_context().for_server_name("secret.example", modern),
                                         "secret.example", nullptr, TLS1_2_VERSION);
        CHECK(has(old.server, "unsupported protocol"));
    });
}

TEST_CASE("TLS: a session is taken up again, but not as a way past the certificate that another name wants") {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        CAPTURE(version);
        run_in_loop([version](EventLoop&) -> Coro<> {
            const Identity secret("secret.example", &io_test::authority());
            TlsContext guarded = server_context(secret)
                                     .trust_pem(io_test::authority().certificate())
                                     .verify(TlsVerify::required);
            const TlsContext server = server_context().for_server_name("secret.example", guarded);
            const Visit first = co_await visit(server, "test.example", nullptr, version);
            CHECK(first.server == "value");
            CHECK_FALSE(first.resumed);
            REQUIRE(first.session != nullptr);
            const Visit second = co_await visit(server, "test.example", first.session, version);
            CHECK(second.server == "value");
            CHECK(second.resumed);
            const Visit third = co_await visit(server, "secret.example", first.session, version);
            CHECK(has(third.server, "peer did not return a certificate"));
            // Nor at a server of another context.
            const Visit fourth = co_await visit(server_context(), "test.example", first.session, version);
            CHECK(fourth.server == "value");
            CHECK_FALSE(fourth.resumed);
            for (SSL_SESSION* const session : {first.session, second.session, third.session, fourth.session})
                SSL_SESSION_free(session);
        });
    }
}

TEST_CASE("TLS: contexts for names make no circle") {
    TlsContext a = server_context();
    TlsContext b = server_context();
    a.for_server_name("b", b);
    a.for_server_name("a", a);
    CHECK_THROWS_AS(b.for_server_name("a", a), ValueError);
    CHECK_THROWS_AS(a.for_server_name("", b), ValueError);
}

TEST_CASE("TLS: a context that was moved from is still one") {
    TlsContext a = client_context();
    const TlsContext b = std::move(a);
    CHECK_FALSE(a.is_server());
    CHECK_FALSE(b.is_server());
}

TEST_CASE("TLS: a handshake needs some time, and a stream that is nobody else's") {
    run_in_loop([](EventLoop&) -> Coro<> {
        auto [a, b] = MemoryStream::pair();
        std::string end =
            co_await outcome(TlsStream::client(std::move(a), client_context(), "test.example", 0s));
        CHECK(has(end, "time-out of a TLS handshake must be positive"));
        auto [c, d] = MemoryStream::pair();
        std::array<std::byte, 10> memory;
        auto reading = create_task(outcome(c.read_some(memory)));
        co_await io_test::turn();
        end = co_await outcome(TlsStream::client(std::move(c), client_context(), "test.example"));
        CHECK(has(end, "another task waits in this stream"));
        const std::string read = co_await std::move(reading);
        CHECK(read != "value");
        auto [e, f] = MemoryStream::pair();
        co_await e.shutdown_write();
        end = co_await outcome(TlsStream::client(std::move(e), client_context(), "test.example"));
        CHECK(has(end, "write direction of this stream has been shut down"));
        e = MemoryStream::pair().first;
        e.close();
        const std::error_code closed =
            co_await io_test::error_of(TlsStream::client(std::move(e), client_context(), "test.example"));
        CHECK(closed == std::errc::bad_file_descriptor);
    });
}

#endif
