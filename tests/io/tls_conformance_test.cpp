#include <aio/config.hpp>

#if AIO_HAVE_TLS

#include "io/tls_help.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include <doctest/doctest.h>

#include <aio/io/stream_connection.hpp>

#include "io/stream_help.hpp"
#include "support/conformance.hpp"

using namespace aio;
using namespace aio::test;
using aio::testing::MemoryStream;
using aio::testing::MemoryStreamOptions;
using io_test::client_context;
using io_test::server_context;
using io_test::TlsPair;

namespace {

using Ends = std::pair<MemoryStream, MemoryStream>;

/// The server answers when the gate opens.
Coro<std::string> client_of_a_late_server(Gate& gate) {
    const auto ends = std::make_shared<Ends>(MemoryStream::pair());
    const auto accept = [ends]() -> Coro<> {
        const TlsStream server = co_await TlsStream::server(std::move(ends->second), server_context());
        co_await io_test::turn();
    };
    gate.on_open([accept] { create_task(accept); });
    const TlsStream client =
        co_await TlsStream::client(std::move(ends->first), client_context(), "test.example");
    co_return client.tls_info().peer_subject;
}

/// The client comes when the gate opens.
std::shared_ptr<Ends> ends_with_a_late_client(Gate& gate) {
    const auto ends = std::make_shared<Ends>(MemoryStream::pair());
    const auto connect = [ends]() -> Coro<> {
        const TlsStream client =
            co_await TlsStream::client(std::move(ends->first), client_context(), "test.example");
        co_await io_test::turn();
    };
    gate.on_open([connect] { create_task(connect); });
    return ends;
}
Coro<std::string> server_of_a_late_client(Gate& gate) {
    const auto ends = ends_with_a_late_client(gate);
    const TlsStream server = co_await TlsStream::server(std::move(ends->second), server_context());
    co_return server.tls_info().server_name;
}
Coro<std::string> start_tls_with_a_late_client(Gate& gate) {
    const auto ends = ends_with_a_late_client(gate);
    StreamConnection plain(std::move(ends->second));
    const StreamConnection secure = co_await start_tls(std::move(plain), server_context());
    co_return secure.writer.tls_info().value().server_name;
}

/// For whoever is cancelled at the start this is the end, and not the handshake.
Coro<TlsPair> patient_pair(Gate& gate, MemoryStreamOptions options = MemoryStreamOptions()) {
    gate.be_patient();
    co_await sleep(std::chrono::seconds(0));
    co_return co_await io_test::shake_hands(options);
}

Coro<int> read_what_comes(Gate& gate) {
    const auto pair = std::make_shared<TlsPair>(co_await patient_pair(gate));
    const auto send = [pair]() -> Coro<> { co_await pair->server.write_all(io_test::bytes("seven")); };
    gate.on_open([send] { create_task(send); });
    gate.arrive();
    std::array<std::byte, 16> memory;
    const std::size_t count = co_await pair->client.read_some(memory);
    co_return static_cast<int>(count) + 2;
}

Coro<std::string> line_that_comes(Gate& gate) {
    TlsPair pair = co_await patient_pair(gate);
    StreamConnection client(std::move(pair.client));
    const auto server = std::make_shared<StreamConnection>(std::move(pair.server));
    // Which fails when the reader has gone.
    gate.on_open([server] { static_cast<void>(thrown_by([&] { server->writer.write("line\nrest"); })); });
    gate.arrive();
    co_return co_await client.reader.readline();
}

Coro<int> drained(Gate& gate) {
    TlsPair pair = co_await patient_pair(gate, MemoryStreamOptions().capacity(std::size_t{4} << 10));
    const auto client = std::make_shared<StreamConnection>(std::move(pair.client));
    client->writer.write(std::string(200'000, 'x'));
    gate.on_open([client] { client->writer.set_write_buffer_limits(1'000'000); });
    gate.arrive();
    co_await client->writer.drain();
    co_return client->writer.get_write_buffer_size() > 0 ? 7 : 0;
}

} // namespace

TEST_CASE("conformance: TLS handshakes") {
    const std::string name = "test.example";
    check_conformance("TlsStream.client", "CN=" + name,
                      [](Gate& gate) { return client_of_a_late_server(gate); });
    check_conformance("TlsStream.server", name, [](Gate& gate) { return server_of_a_late_client(gate); });
    check_conformance("start_tls", name, [](Gate& gate) { return start_tls_with_a_late_client(gate); });
}

TEST_CASE("conformance: TLS streams") {
    check_conformance("read_some over TLS", 7, [](Gate& gate) { return read_what_comes(gate); });
    check_conformance("readline over TLS", std::string("line\n"),
                      [](Gate& gate) { return line_that_comes(gate); });
    check_conformance("drain over TLS", 7, [](Gate& gate) { return drained(gate); });
}

#endif
