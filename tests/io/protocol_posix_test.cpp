#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <aio/io/create_server.hpp>
#include <aio/io/subprocess.hpp>
#include <aio/uv/listener.hpp>

#include "io/protocol_help.hpp"
#include "support/socket_posix.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace io_test;

namespace {

/// A name for a socket, which is removed with its directory.
class SocketPath {
public:
    SocketPath() {
        std::string pattern = (std::filesystem::temp_directory_path() / "aioXXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        directory_ = pattern;
    }
    ~SocketPath() {
        std::error_code ignored;
        std::filesystem::remove_all(directory_, ignored);
    }
    SocketPath(const SocketPath&) = delete;
    SocketPath& operator=(const SocketPath&) = delete;
    [[nodiscard]] std::string text() const { return (directory_ / "s").string(); }

private:
    std::filesystem::path directory_;
};

std::pair<uv::Descriptor, uv::Descriptor> socket_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    return {uv::Descriptor(ends[0]), uv::Descriptor(ends[1])};
}

/// A connection that writes down its calls, with a socket of the system's own as its peer.
Coro<ProtocolConnection<Recording>> connect_to(uv::Descriptor& peer, Calls& calls) {
    const uv::Descriptor listening = uv::listen_tcp(Address("127.0.0.1", 0));
    peer = connected_socket(uv::local_address(listening).port());
    const auto make = [&calls] { return std::make_unique<Recording>(calls); };
    co_return co_await connect_accepted_socket(make,
                                               uv::Descriptor(::accept(listening.get(), nullptr, nullptr)));
}

} // namespace

TEST_CASE("a client and a server of protocols over a Unix domain socket") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SocketPath path;
        Calls server_calls;
        const auto serve = [&server_calls] { return std::make_unique<Recording>(server_calls); };
        Server server = co_await create_unix_server(serve, path.text());
        Calls calls;
        const auto make = [&calls] { return std::make_unique<BufferedRecording>(calls); };
        auto connection = co_await create_unix_connection(make, path.text());
        CHECK(connection.transport().unix_peername() == path.text());
        CHECK_FALSE(connection.transport().peername().has_value());
        connection.transport().write("hello");
        co_await until([&] { return server_calls.size() == 2; });
        server.close_clients();
        co_await until([&] { return calls.size() == 3; });
        CHECK(joined(server_calls) == "made; data: hello; lost: none");
        CHECK(joined(calls) == "made; eof; lost: none");
    });
}

TEST_CASE("protocols adopt sockets that are connected, as client and as server") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        auto ends = socket_pair();
        Calls a;
        Calls b;
        const auto make_a = [&a] { return std::make_unique<Recording>(a); };
        const auto make_b = [&b] { return std::make_unique<Recording>(b); };
        auto client = co_await create_connection(make_a, std::move(ends.first));
        auto server = co_await connect_accepted_socket(make_b, std::move(ends.second));
        client.transport().write("x");
        client.transport().close();
        co_await until([&] { return b.size() == 4; });
        CHECK(joined(a) == "made; lost: none");
        CHECK(joined(b) == "made; data: x; eof; lost: none");
    });
}

TEST_CASE("a transport takes the end of a pipe that can only be written or only be read") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        Calls reader;
        Calls writer;
        const auto make_reader = [&reader] { return std::make_unique<Recording>(reader); };
        const auto make_writer = [&writer] { return std::make_unique<Recording>(writer); };
        PipeStream read_end(loop, uv::Descriptor(ends[0]));
        PipeStream write_end(loop, uv::Descriptor(ends[1]));
        auto in = co_await create_transport(make_reader, std::move(read_end));
        auto out = co_await create_transport(make_writer, std::move(write_end));
        out.transport().write("through");
        co_await until([&] { return reader.size() == 2; });
        out.transport().close();
        co_await until([&] { return reader.size() == 4; });
        CHECK(joined(reader) == "made; data: through; eof; lost: none");
        CHECK(joined(writer) == "made; lost: none");
    });
}

namespace {

/// A protocol of Python's asyncio that sends much, ends its direction, and says how it was called.
constexpr const char* python_client = R"(
import asyncio, sys

class Client(asyncio.Protocol):
    def __init__(self, done):
        self.done, self.calls, self.received = done, [], b""
    def connection_made(self, transport):
        self.calls.append("made")
        transport.write(b"x" * 1000000)
        transport.write_eof()
    def data_received(self, data):
        self.received += data
    def eof_received(self):
        self.calls.append("eof")
    def connection_lost(self, error):
        self.calls.append(f"lost: {error}")
        self.done.set_result(None)

async def main():
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    _, protocol = await loop.create_connection(lambda: Client(done), "127.0.0.1", int(sys.argv[1]))
    await done
    print("; ".join(protocol.calls), len(protocol.received), set(protocol.received) == set(b"x"))

asyncio.run(main())
)";

/// The same as above, here.
class Client final : public RecordingOf<Protocol> {
public:
    using RecordingOf::RecordingOf;
    void connection_made(Transport& t) override {
        RecordingOf::connection_made(t);
        t.write(std::string(1'000'000, 'x'));
        t.write_eof();
    }
    void data_received(std::span<const std::byte> data) override { received += data.size(); }
    void pause_writing() override {}
    void resume_writing() override {}
    std::size_t received = 0;
};

} // namespace

TEST_CASE("a protocol of Python's asyncio and one of ours are called in the same order by the same server") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        class Echo final : public Protocol {
        public:
            void connection_made(Transport& t) override { transport = &t; }
            void data_received(std::span<const std::byte> data) override { transport->write(data); }
            Transport* transport = nullptr;
        };
        const auto serve = [] { return std::make_unique<Echo>(); };
        Server server = co_await create_server(serve, "127.0.0.1", 0);
        Calls calls;
        const auto make = [&calls] { return std::make_unique<Client>(calls); };
        auto ours = co_await create_connection(make, "127.0.0.1", port_of(server));
        co_await until([&] { return calls.back().starts_with("lost"); });
        CHECK(joined(calls) == "made; eof; lost: none");
        CHECK(ours.protocol().received == 1'000'000);

        const SubprocessOptions options = SubprocessOptions().stdout_to(subprocess::PIPE);
        std::optional<Process> python;
        try {
            python = co_await create_subprocess_exec(options, "python3", "-c", std::string(python_client),
                                                     std::to_string(port_of(server)));
        } catch (const std::system_error&) {
            MESSAGE("there is no python3 here");
        }
        if (!python) co_return;
        ProcessOutput output = co_await python->communicate();
        CHECK(output.stdout_data() == "made; eof; lost: None 1000000 True\n");
    });
}

TEST_CASE("what came before a reset is delivered, also if a write has met that first") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        for (const bool queued : {true, false}) {
            CAPTURE(queued);
            uv::Descriptor peer;
            Calls calls;
            auto connection = co_await connect_to(peer, calls);
            if (queued) connection.transport().write(bytes(std::string(8'000'000, 'x')));
            // As much as the system takes from who does not read.
            const std::string text = long_text(60'000);
            REQUIRE(::send(peer.get(), text.data(), text.size(), 0) == 60'000);
            reset_when_closed(peer.get());
            peer.close();
            if (!queued) connection.transport().write(bytes("meets the reset"));
            co_await until([&] { return calls.back().starts_with("lost"); });
            std::string received;
            for (const std::string& call : calls)
                if (call.starts_with("data: ")) received += call.substr(6);
            CHECK((received == text));
            CHECK(contains(calls.back(), "connection reset"));
        }
    });
}

TEST_CASE("that a write has met a reset is told, whatever is done after it") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        for (const bool closes : {true, false}) {
            CAPTURE(closes);
            uv::Descriptor peer;
            Calls calls;
            auto connection = co_await connect_to(peer, calls);
            reset_when_closed(peer.get());
            peer.close();
            connection.transport().write(bytes("meets the reset"));
            if (closes)
                connection.transport().close();
            else
                connection.transport().pause_reading();
            co_await until([&] { return calls.back().starts_with("lost"); });
            CHECK(contains(calls.back(), "connection reset"));
        }
    });
}
