#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/io/create_server.hpp>

#include "io/protocol_help.hpp"
#include "io/tls_help.hpp"

using namespace aio;
using namespace aio::test;
using namespace io_test;

TEST_CASE("protocols over TLS: a server and a client with the options of streams") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Calls server_calls;
        const auto serve = [&server_calls] {
            auto protocol = std::make_unique<Recording>(server_calls);
            protocol->on_call = [p = protocol.get()](const std::string& call) {
                if (call.starts_with("data")) p->transport->write("answer");
                if (call == "eof") p->transport->close();
            };
            return protocol;
        };
        Server server = co_await create_server(serve, "127.0.0.1", 0, ServerOptions().tls(server_context()));
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Recording>(calls); };
        const ConnectOptions options = ConnectOptions().tls(client_context()).server_hostname("test.example");
        auto [transport, protocol] = co_await create_connection(make, "127.0.0.1", port_of(server), options);
        CHECK(transport.tls_info().has_value());
        transport.write("question");
        co_await until([&] { return calls.size() == 2; });
        transport.close();
        co_await until([&] { return calls.size() == 3 && server_calls.size() == 4; });
        CHECK(joined(calls) == "made; data: answer; lost: none");
        CHECK(joined(server_calls) == "made; data: question; eof; lost: none");
        CHECK(server.connections() == 0);
    });
}

TEST_CASE("protocols over TLS in memory: much both ways, then a cut, which is an error") {
    run_in_loop([](EventLoop&) -> Coro<> {
        TlsPair pair = co_await shake_hands();
        class Sum final : public Protocol {
        public:
            void connection_made(Transport& transport) override { transport.write(long_text(300'000)); }
            void data_received(std::span<const std::byte> data) override { text += text_of(data); }
            void connection_lost(std::exception_ptr error) override { lost = test::text_of(error); }
            std::string text;
            std::string lost;
        };
        const auto make = [] { return std::make_unique<Sum>(); };
        auto a = co_await create_transport(make, std::move(pair.client));
        auto b = co_await create_transport(make, std::move(pair.server));
        co_await until([&] { return a.protocol().text.size() + b.protocol().text.size() == 600'000; });
        CHECK(a.protocol().text == long_text(300'000));
        CHECK(b.protocol().text == long_text(300'000));
        b.transport().abort();
        co_await until([&] { return !a.protocol().lost.empty(); });
        CHECK(b.protocol().lost == "none");
        CHECK(a.protocol().lost.find("was cut off") != std::string::npos);
    });
}

#endif
