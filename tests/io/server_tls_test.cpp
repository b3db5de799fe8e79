// What becomes of the connections of a TLS server whose handshakes end.

#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include "io/tls_help.hpp"

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>

#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;

namespace {

Coro<> say_hello(StreamReader, StreamWriter writer) { co_await writer.write_all("hello\n"); }

/// What is set where the server was made.
ContextVar<std::string> place("place", "nowhere");

} // namespace

TEST_CASE(
    "TLS server: a failed handshake is reported in debug mode, where all its connections may be ended") {
    TestLoop test(SteadyClock::instance());
    test.loop.set_debug(true);
    // A handshake may take its time, which is told in debug mode, too.
    test.loop.set_slow_callback_duration(std::chrono::hours(1));
    Server* noisy = nullptr;
    std::vector<std::string> reports;
    test.loop.set_exception_handler([&](EventLoop&, const ErrorContext& context) {
        reports.push_back(context.message + ": " + text_of(context.exception) + ", " + place.get());
        // Not below the stream that has failed: it may be destroyed here.
        noisy->abort_clients();
    });
    test.loop.run_until_complete([](Server*& made) -> Coro<> {
        place.set("here");
        Server server =
            co_await start_server(say_hello, "127.0.0.1", 0, ServerOptions().tls(io_test::server_context()));
        made = &server;
        const std::uint16_t port = server.sockets().at(0).address().value().port();
        StreamConnection wrong = co_await open_connection("127.0.0.1", port);
        wrong.writer.write("GET / HTTP/1.1\r\n\r\n");
        static_cast<void>(co_await outcome(wrong.reader.read()));
        CHECK(server.connections() == 0);
        StreamConnection good = co_await open_connection(
            "127.0.0.1", port,
            ConnectOptions().tls(io_test::client_context()).server_hostname("test.example"));
        const std::string line = co_await good.reader.readline();
        CHECK(line == "hello\n");
        server.close();
    }(noisy));
    REQUIRE(reports.size() == 1);
    CHECK(contains(reports[0], "a client's TLS handshake has failed: "));
    CHECK(contains(reports[0], ", here"));
}

#endif
