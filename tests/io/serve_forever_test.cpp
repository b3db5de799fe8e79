#include <aio/io/server.hpp>

#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>

#include "server_help.hpp"
#include "stream_help.hpp"
#include "support/loop_help.hpp"
#include "support/text.hpp"

using namespace aio;
using namespace aio::test;
using namespace std::chrono_literals;
using io_test::ask;
using io_test::connect_to;
using io_test::echo;
using io_test::until;

TEST_CASE("rule 93: serve_forever ends when it is cancelled, having closed the server and its connections") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(echo, "127.0.0.1", 0, ServerOptions().start_serving(false));
        CHECK_FALSE(server.is_serving());
        auto serving = create_task(outcome(server.serve_forever()));
        co_await io_test::turn();
        CHECK(server.is_serving());
        const std::string second = co_await outcome(server.serve_forever());
        CHECK(contains(second, "another task is doing that already"));
        StreamConnection client = co_await connect_to(server);
        const std::string answer = co_await ask(client, "here\n");
        CHECK(answer == "here\n");
        serving.cancel("enough");
        const std::string end = co_await client.reader.read();
        CHECK(end.empty());
        const std::string how = co_await serving;
        CHECK(how == "cancelled: enough");
        const std::string late = co_await outcome(server.serve_forever());
        CHECK(contains(late, "this server is closed"));
    });
}

TEST_CASE("rule 93: closing a server keeps its connections, also if somebody serves for ever") {
    for (const bool graceful : {false, true})
        run_in_real_time([&](EventLoop& loop) -> Coro<> {
            const Future<> allowed = loop.create_future<>();
            const auto answer = [&](StreamReader reader, StreamWriter writer) -> Coro<> {
                const std::string line = co_await reader.readline();
                co_await allowed;
                co_await writer.write_all(line);
            };
            Server server = co_await start_server(answer, "127.0.0.1", 0);
            auto serving = create_task(outcome(server.serve_forever()));
            StreamConnection client = co_await connect_to(server);
            co_await client.writer.write_all("question\n");
            co_await until([&] { return server.connections() == 1; });
            const auto close = [&]() -> Coro<> {
                if (graceful)
                    co_await server.close(10s);
                else
                    server.close();
            };
            Task<> closing = loop.create_task(close());
            co_await io_test::turn();
            CHECK_FALSE(serving.done());
            Future<>(allowed).set_result();
            const std::string line = co_await client.reader.readline();
            CHECK(line == "question\n");
            co_await closing;
            const std::string how = co_await serving;
            CHECK(how == "cancelled");
        });
}

TEST_CASE(
    "rule 93: serve_forever that is cancelled ends the connections, also if the server is closed then") {
    for (const bool first : {true, false})
        run_in_real_time([&](EventLoop&) -> Coro<> {
            Server server = co_await start_server(echo, "127.0.0.1", 0);
            auto serving = create_task(outcome(server.serve_forever()));
            StreamConnection client = co_await connect_to(server);
            const std::string answer = co_await ask(client, "here\n");
            CHECK(answer == "here\n");
            if (first) server.close();
            serving.cancel();
            if (!first) server.close();
            const std::string how = co_await serving;
            CHECK(how == "cancelled");
            const std::string end = co_await client.reader.read();
            CHECK(end.empty());
        });
}

TEST_CASE("rule 93: serve_forever ends when somebody else closes the server") {
    run_in_real_time([](EventLoop&) -> Coro<> {
        Server server = co_await start_server(echo, "127.0.0.1", 0);
        auto serving = create_task(outcome(server.serve_forever()));
        co_await io_test::turn();
        server.close();
        const std::string how = co_await serving;
        CHECK(how == "cancelled");
    });
}
