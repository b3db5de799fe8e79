// A request and its answer, given up at every moment of it: the one who asks and the one who answers are
// cancelled in their first round, in their second, and so on, until it is over before that. Nobody hangs,
// nobody gets wrong data, nothing is reported, no connection and no handler is left, and the next request is
// answered.

#include <array>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <aio/core/event_loop.hpp>
#include <aio/io/open_connection.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/server.hpp>
#include <aio/io/stream_connection.hpp>

#include "io/connection_help.hpp"
#include "io/stream_help.hpp"
#include "support/loop_help.hpp"

using namespace aio;
using namespace aio::test;
using testing::MemoryStreamOptions;

namespace {

/// So long that neither end can send it without waiting for the other.
constexpr std::size_t length = 400'000;

enum class Who { client, server };

/// Sends back what comes: a number in a line, and so many bytes.
Coro<> answer(StreamReader& reader, StreamWriter& writer) {
    for (;;) {
        const std::string line = co_await reader.readline();
        if (line.empty()) co_return;
        const std::string body = co_await reader.readexactly(std::stoul(line));
        writer.write("answer " + line);
        co_await writer.drain();
        co_await writer.write_all(body);
    }
}

Coro<> ask(StreamReader& reader, StreamWriter& writer, int& answers) {
    for (int i = 0; i < 2; ++i) {
        const std::string body = io_test::long_text(length + static_cast<std::size_t>(i));
        writer.write(std::to_string(body.size()) + "\n");
        co_await writer.write_all(body);
        const std::string line = co_await reader.readline();
        // Without an answer there is the end of the stream.
        if (line.empty()) co_return;
        CHECK(line == "answer " + std::to_string(body.size()) + "\n");
        const std::string back = co_await reader.readexactly(body.size());
        CHECK((back == body));
        ++answers;
    }
    writer.write_eof();
    const std::string end = co_await reader.read();
    CHECK(end.empty());
    writer.close();
    co_await writer.wait_closed();
}

/// What the other side of a cancelled one may meet: an end in the middle, or a connection that breaks.
bool may_happen(const std::string& ending) {
    return ending == "value" || ending == "cancelled" ||
           ending.find("bytes read on a total of") != ending.npos ||
           ending.find("connection reset") != ending.npos || ending.find("broken pipe") != ending.npos ||
           ending.find("is closed") != ending.npos || ending.find("connection aborted") != ending.npos;
}

Coro<std::string> outcome_of(Task<> task) {
    std::string text = "value";
    try {
        co_await task;
    } catch (...) {
        text = text_of(std::current_exception());
    }
    co_return text;
}

Coro<> answer_and_go(StreamConnection connection) { co_await answer(connection.reader, connection.writer); }

Coro<> ask_and_go(StreamConnection connection, int& answers) {
    co_await ask(connection.reader, connection.writer, answers);
}

/// One exchange over two ends in memory; true if it was over before the cancellation.
Coro<bool> exchange_in_memory(Who who, int round) {
    auto options = MemoryStreamOptions().capacity(30'000).chunk_sizes({1, 5'000, 60'000});
    io_test::ConnectionPair pair(options);
    int answers = 0;
    Task<> server = create_task(answer_and_go(std::move(pair.b)));
    Task<> client = create_task(ask_and_go(std::move(pair.a), answers));
    co_await rounds(round);
    Task<>& victim = who == Who::client ? client : server;
    const bool over = !victim.cancel();
    const std::string asked = co_await outcome_of(client);
    const std::string answered = co_await outcome_of(server);
    CAPTURE(asked);
    CAPTURE(answered);
    CHECK(may_happen(asked));
    CHECK(may_happen(answered));
    if (over) {
        CHECK(asked == "value");
        CHECK(answers == 2);
    } else if (who == Who::client) {
        // A value that has come is not taken away: it may just have ended.
        CHECK((asked == "cancelled" || answers == 2));
    }
    co_return over;
}

/// A server that notes how its handlers end.
class NotingServer {
public:
    Coro<> start() {
        const auto serve = [this](StreamReader reader, StreamWriter writer) -> Coro<> {
            handlers.push_back(current_task());
            std::exception_ptr error;
            try {
                co_await answer(reader, writer);
            } catch (const std::exception&) {
                error = std::current_exception();
            }
            endings.push_back(error ? text_of(error) : "value");
        };
        server.emplace(co_await start_server(serve, "127.0.0.1", 0));
    }
    Coro<StreamConnection> connect() {
        return open_connection("127.0.0.1", server->sockets().at(0).address().value().port());
    }

    std::optional<Server> server;
    std::vector<AnyTask> handlers;
    std::vector<std::string> endings;
};

/// Waits for moments at which something may have happened: the loop asks the system only now and then while
/// there is something to run.
class Moments {
public:
    Coro<> wait(int number) {
        // After the system was asked, what that has woken runs in the next round, and others in the one
        // after.
        constexpr int in_between = 3;
        std::array<std::byte, 1> memory{};
        for (int i = 0; i < number / in_between; ++i) {
            co_await ends_.first.write_all(memory);
            co_await ends_.second.read_some(memory);
        }
        co_await rounds(number % in_between);
    }

private:
    std::pair<PipeStream, PipeStream> ends_ = PipeStream::pair(get_running_loop());
};

Coro<> ask_server(NotingServer& server, int& answers) {
    StreamConnection connection = co_await server.connect();
    co_await ask(connection.reader, connection.writer, answers);
}

Coro<bool> exchange_over_tcp(NotingServer& server, Moments& moments, Who who, int moment) {
    int answers = 0;
    Task<> client = create_task(ask_server(server, answers));
    co_await moments.wait(moment);
    bool over = client.done();
    if (who == Who::client)
        client.cancel();
    else if (!server.handlers.empty())
        server.handlers.back().cancel();
    const std::string asked = co_await outcome_of(client);
    CAPTURE(asked);
    CHECK(may_happen(asked));
    if (over) CHECK(answers == 2);
    // Connected or not, it leaves nothing.
    while (server.server->connections() > 0) co_await rounds(1);
    for (AnyTask& handler : server.handlers) {
        while (!handler.done()) co_await rounds(1);
    }
    for (const std::string& ending : server.endings) {
        CAPTURE(ending);
        CHECK(may_happen(ending));
    }
    server.handlers.clear();
    server.endings.clear();
    CHECK(get_running_loop().all_tasks().size() == 1);
    co_return over;
}

} // namespace

TEST_CASE("requests: cancelled at every await, over memory, they leave both ends clean") {
    for (const Who who : {Who::client, Who::server}) {
        bool over = false;
        int round = 0;
        for (; !over; ++round) {
            CAPTURE(round);
            TestLoop test;
            over = test.loop.run_until_complete(exchange_in_memory(who, round));
            CHECK(test.reports.empty());
            REQUIRE(round < 10'000);
        }
        // It has many moments.
        CHECK(round > 20);
    }
}

TEST_CASE("requests: cancelled at every await, over TCP, they leave nothing, and the server goes on") {
    TestLoop test(SteadyClock::instance());
    test.loop.run_until_complete([](std::vector<std::string>& reports) -> Coro<> {
        NotingServer server;
        co_await server.start();
        Moments moments;
        for (const Who who : {Who::client, Who::server}) {
            bool over = false;
            for (int moment = 0; !over; ++moment) {
                CAPTURE(moment);
                over = co_await exchange_over_tcp(server, moments, who, moment);
                CHECK(reports.empty());
                REQUIRE(moment < 10'000);
            }
        }
        int answers = 0;
        co_await ask_server(server, answers);
        CHECK(answers == 2);
    }(test.reports));
}
