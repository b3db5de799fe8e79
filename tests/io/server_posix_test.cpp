#include <aio/io/server.hpp>

#include <chrono>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>

#include "server_help.hpp"
#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/socket_posix.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using io_test::port_of;

TEST_CASE("rule 92: out of descriptors a server reports that, pauses for a second, and goes on") {
    TestLoop test;
    test.loop.run_until_complete([](EventLoop& loop, std::vector<std::string>& reports) -> Coro<> {
        const auto greet = [](StreamReader, StreamWriter writer) -> Coro<> {
            co_await writer.write_all("hello");
        };
        const ServerOptions options = ServerOptions().start_serving(false);
        // What a sanitizer opens when it sees a type for the first time, it opens with this one.
        Server earlier = co_await start_server(greet, "127.0.0.1", 0);
        StreamConnection first = co_await open_connection("127.0.0.1", port_of(earlier));
        const std::string hello = co_await first.reader.read();
        CHECK(hello == "hello");

        Server server = co_await start_server(greet, "127.0.0.1", 0, options);
        StreamConnection client = co_await open_connection("127.0.0.1", port_of(server));
        rlimit before{};
        ::getrlimit(RLIMIT_NOFILE, &before);
        rlimit none = before;
        none.rlim_cur = 0;
        ::setrlimit(RLIMIT_NOFILE, &none);
        const TimePoint since = loop.time();
        server.start_serving();
        while (reports.empty()) co_await rounds(1);
        ::setrlimit(RLIMIT_NOFILE, &before);
        CHECK(contains(reports[0], "cannot accept connections now; trying again in a second"));
        CHECK(server.connections() == 0);
        const std::string answer = co_await client.reader.read();
        CHECK(answer == "hello");
        CHECK(loop.time() - since >= std::chrono::seconds(1));
        CHECK(reports.size() == 1);
    }(test.loop, test.reports));
}

TEST_CASE("rule 93: a connection that has broken is none any more, although its handler goes on") {
    run_in_real_time([](EventLoop& loop) -> Coro<> {
        Future<> allowed = loop.create_future<>();
        const auto work = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
            const std::string how = co_await outcome(reader.read());
            CHECK(contains(how, "connection reset"));
            co_await allowed;
            CHECK_THROWS_AS(writer.write("too late"), std::system_error);
        };
        Server server = co_await start_server(work, "127.0.0.1", 0);
        uv::Descriptor client = connected_socket(port_of(server));
        while (server.connections() == 0) co_await io_test::turn();
        reset_when_closed(client.get());
        client.close();
        server.close();
        co_await server.wait_closed();
        CHECK(server.connections() == 0);
        allowed.set_result();
        co_await server.close(std::chrono::seconds(10));
    });
}
