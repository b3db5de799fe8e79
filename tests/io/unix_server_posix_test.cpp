#include <aio/io/server.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/uv/listener.hpp>
#include <aio/uv/pipe.hpp>

#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/socket_posix.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// A directory for a test, with a short name: the path of a socket must not be long.
class SocketDirectory {
public:
    SocketDirectory() {
        std::string pattern = (fs::temp_directory_path() / "aioXXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }
    ~SocketDirectory() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    SocketDirectory(const SocketDirectory&) = delete;
    SocketDirectory& operator=(const SocketDirectory&) = delete;
    [[nodiscard]] std::string operator/(const char* name) const { return (path_ / name).string(); }

private:
    fs::path path_;
};

Coro<> echo(StreamReader reader, StreamWriter writer) {
    const std::string line = co_await reader.readline();
    co_await writer.write_all(line);
}

Coro<std::string> ask(StreamConnection client) {
    client.writer.write("over there\n");
    co_return co_await client.reader.read();
}

} // namespace

TEST_CASE("unix server: a path is listened on and connected to, and removed when the server closes") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SocketDirectory directory;
        const std::string path = directory / "socket";
        Server server = co_await start_unix_server(echo, path);
        CHECK(fs::is_socket(path));
        REQUIRE(server.sockets().size() == 1);
        CHECK_FALSE(server.sockets()[0].address().has_value());
        StreamConnection client = co_await open_unix_connection(path);
        CHECK(client.writer.unix_peername() == path);
        CHECK_FALSE(client.writer.peername().has_value());
        const std::string answer = co_await ask(std::move(client));
        CHECK(answer == "over there\n");
        server.close();
        CHECK_FALSE(fs::exists(path));
        const std::string text = co_await outcome(open_unix_connection(path));
        CHECK(contains(text, "connect to " + path));
    });
}

TEST_CASE("unix server: a socket file that was left behind is replaced, any other file is not") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SocketDirectory directory;
        const std::string path = directory / "socket";
        {
            Server first = co_await start_unix_server(echo, path, ServerOptions().cleanup_socket(false));
        }
        CHECK(fs::is_socket(path));
        Server second = co_await start_unix_server(echo, path);
        const std::string answer = co_await ask(co_await open_unix_connection(path));
        CHECK(answer == "over there\n");
        const std::string file = directory / "file";
        ::close(::open(file.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        const std::string text = co_await outcome(start_unix_server(echo, file));
        CHECK(contains(text, "listen on " + file));
        CHECK(fs::is_regular_file(file));
        const std::string missing = co_await outcome(start_unix_server(echo, directory / "no/where"));
        CHECK(contains(missing, "no/where"));
        const std::string too_long =
            co_await outcome(start_unix_server(echo, directory / "x" + std::string(200, 'x')));
        CHECK(contains(too_long, "name too long"));
    });
}

TEST_CASE("unix server: a file that is somebody else's by now is not removed") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SocketDirectory directory;
        const std::string path = directory / "socket";
        Server first = co_await start_unix_server(echo, path);
        Server second = co_await start_unix_server(echo, path);
        first.close();
        CHECK(fs::is_socket(path));
        const std::string answer = co_await ask(co_await open_unix_connection(path));
        CHECK(answer == "over there\n");
        second.close();
        CHECK_FALSE(fs::exists(path));
    });
}

#if defined(__linux__)
TEST_CASE("unix server: abstract names leave no file") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const std::string name = std::string(1, '\0') + "aiouv-test-" + std::to_string(::getpid());
        Server server = co_await start_unix_server(echo, name);
        StreamConnection client = co_await open_unix_connection(name);
        const std::string answer = co_await ask(std::move(client));
        CHECK(answer == "over there\n");
        server.close();
        const std::string text = co_await outcome(open_unix_connection(name));
        CHECK(contains(text, "connect to @aiouv-test-"));
    });
}

TEST_CASE("unix server: a client waits while the backlog is full") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SocketDirectory directory;
        const std::string path = directory / "socket";
        const ServerOptions options = ServerOptions().start_serving(false).backlog(1);
        Server server = co_await start_unix_server(echo, path, options);
        std::vector<Task<std::string>> clients;
        const auto visit = [](std::string where) -> Coro<std::string> {
            StreamConnection client = co_await open_unix_connection(where);
            co_return co_await ask(std::move(client));
        };
        for (int i = 0; i < 10; ++i) clients.push_back(create_task(visit, path));
        co_await io_test::turn();
        server.start_serving();
        for (auto& client : clients) {
            const std::string answer = co_await client;
            CHECK(answer == "over there\n");
        }
    });
}
#endif

TEST_CASE("server: reuse_port lets two servers share a port") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const ServerOptions options = ServerOptions().reuse_port(true).keep_alive(true);
        Server first = co_await start_server(echo, "127.0.0.1", 0, options);
        const std::uint16_t port = first.sockets()[0].address().value().port();
        Server second = co_await start_server(echo, "127.0.0.1", port, options);
        const std::string answer = co_await ask(co_await open_connection("127.0.0.1", port));
        CHECK(answer == "over there\n");
    });
}

TEST_CASE("unix server: a path with a null character is refused, and the socket of its first part stays") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        const SocketDirectory directory;
        const std::string path = directory / "socket";
        Server server = co_await start_unix_server(echo, path);
        const std::error_code refused =
            co_await io_test::error_of(start_unix_server(echo, path + std::string("\0more", 5)));
        CHECK(refused == std::errc::invalid_argument);
        const std::string shown = co_await outcome(open_unix_connection(path + std::string("\0more", 5)));
        CHECK(contains(shown, "connect to " + path + "\\0more: invalid argument"));
        const std::string answer = co_await ask(co_await open_unix_connection(path));
        CHECK(answer == "over there\n");
    });
}

TEST_CASE("server: a socket that listens already is adopted") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        uv::Descriptor socket = uv::listen_tcp(Address("127.0.0.1", 0));
        const Address address = uv::local_address(socket);
        Server server = co_await start_server(echo, std::move(socket));
        const std::string answer = co_await ask(co_await open_connection("127.0.0.1", address.port()));
        CHECK(answer == "over there\n");
        const SocketDirectory directory;
        uv::Descriptor unix_socket = uv::listen_unix(directory / "socket");
        Server other = co_await start_server(echo, std::move(unix_socket));
        const std::string second = co_await ask(co_await open_unix_connection(directory / "socket"));
        CHECK(second == "over there\n");
    });
}

TEST_CASE("stream connection: descriptors that are open already are adopted, others are refused") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        uv::PipeEnds ends = uv::make_socket_pair();
        StreamConnection a = StreamConnection::from_descriptor(std::move(ends.read));
        StreamConnection b = StreamConnection::from_descriptor(std::move(ends.write));
        a.writer.write("line\n");
        const std::string line = co_await b.reader.readline();
        CHECK(line == "line\n");
        // A pipe has one direction only.
        uv::PipeEnds pipe = uv::make_pipe();
        StreamConnection in = StreamConnection::from_descriptor(std::move(pipe.read));
        StreamConnection out = StreamConnection::from_descriptor(std::move(pipe.write));
        out.writer.write("through a pipe\n");
        const std::string through = co_await in.reader.readline();
        CHECK(through == "through a pipe\n");
        const std::string wrong_way = co_await outcome(out.reader.readline());
        CHECK(wrong_way != "value");
        uv::Descriptor unconnected = new_socket(AF_INET, SOCK_STREAM);
        CHECK_THROWS_AS(static_cast<void>(StreamConnection::from_descriptor(std::move(unconnected))),
                        std::system_error);
        uv::Descriptor file(::open("/", O_RDONLY | O_CLOEXEC));
        CHECK_THROWS_AS(static_cast<void>(StreamConnection::from_descriptor(std::move(file))), ValueError);
    });
}
