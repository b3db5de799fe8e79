// Talks to a Redis server: many commands at once, transactions, channels, and a connection that is made
// again.

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <aio/aio.hpp>

#include "../common/program.hpp"
#include "client.hpp"

namespace redis {
namespace {

const char* const usage =
    "usage: redis_client [--host H] [--port P | --unix PATH] [--count N] [demo | watch KEY]\n"
    "\n"
    "  demo        sets and gets, N increments at once (default: 100000), a transaction, a channel\n"
    "  watch KEY   shows the value whenever it changes, and goes on when the server was away\n";

void show(const char* what, const Value& value) {
    std::printf("%-14s %s\n", what, value.to_string().c_str());
}

/// N increments, all under way at the same time. Each answer must be one more than the one before.
aio::Coro<bool> increments(Client& client, int count) {
    const auto began = std::chrono::steady_clock::now();
    const Value start = co_await client.command("SET", "aiouv:counter", "0");
    std::vector<aio::Future<Value>> answers;
    answers.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) answers.push_back(client.command("INCR", "aiouv:counter"));
    bool right = start.is("OK");
    for (int i = 0; i < count; ++i) {
        const Value answer = co_await answers[static_cast<std::size_t>(i)];
        right = right && answer.integer == i + 1;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("%-14s %d in %.3f s, %.0f a second, %s\n", "increments", count, took.count(),
                count / took.count(), right ? "all right" : "WRONG");
    co_return right;
}

aio::Coro<bool> demo(Client& client, int count) {
    show("SET", co_await client.command("SET", "aiouv:greeting", "hello"));
    show("GET", co_await client.command("GET", "aiouv:greeting"));
    show("GET missing", co_await client.command("GET", "aiouv:missing"));
    show("wrong", co_await client.command("INCR", "aiouv:greeting"));
    bool right = co_await increments(client, count);

    // Sent together: nothing of another client's comes between.
    const aio::Future<Value> begin = client.command("MULTI");
    const aio::Future<Value> first = client.command("SET", "aiouv:a", "1");
    const aio::Future<Value> second = client.command("INCRBY", "aiouv:a", "41");
    const Value result = co_await client.command("EXEC");
    show("EXEC", result);
    right = right && result.items.size() == 2 && result.items[1].integer == 42;

    // Whoever loses patience with one command does not disturb the others.
    aio::Future<Value> slow = client.command("DEBUG", "SLEEP", "0.1");
    aio::Future<Value> next = client.command("GET", "aiouv:a");
    slow.cancel();
    const Value after = co_await next;
    show("GET", after);
    right = right && after.is("42");

    const std::shared_ptr<Messages> news = client.subscribe("aiouv:news");
    // Subscribed once the server has answered what was sent behind it.
    static_cast<void>(co_await client.command("PING"));
    static_cast<void>(co_await client.command("PUBLISH", "aiouv:news", "something has happened"));
    const std::string message = co_await news->queue.get();
    std::printf("%-14s %s\n", "message", message.c_str());
    co_return right&& message == "something has happened";
}

aio::Coro<> watch(Client& client, std::string key) {
    std::string shown;
    for (;;) {
        std::string text;
        try {
            const Value value = co_await client.command("GET", key);
            text = value.to_string();
        } catch (const ConnectionLost& error) {
            text = error.what();
        }
        if (text != shown) {
            std::printf("%s\n", text.c_str());
            std::fflush(stdout);
        }
        shown = text;
        co_await aio::sleep(std::chrono::milliseconds(20));
    }
}

aio::Coro<int> amain(samples::CommandLine line) {
    Address address;
    address.host = line.value("--host").value_or(address.host);
    address.port = line.number<std::uint16_t>("--port", address.port, 1, 65535);
    address.path = line.value("--unix");
    const int count = line.number("--count", 100'000, 1, 10'000'000);
    const std::vector<std::string> rest = line.rest(0, 2);
    const bool watches = !rest.empty() && rest[0] == "watch";
    if (watches != (rest.size() == 2) || (!rest.empty() && !watches && rest[0] != "demo"))
        throw samples::UsageError("there is demo, and watch KEY");

    // The same reason again and again is told once.
    auto tell = [told = std::string()](const std::string& reason) mutable {
        if (reason != told) std::fprintf(stderr, "%s; trying again\n", reason.c_str());
        told = reason;
    };
    Client client(std::move(address), std::move(tell));
    bool right = false;
    co_await aio::with_task_group([&](aio::TaskGroup& group) -> aio::Coro<> {
        aio::Task<> running = group.create_task(client.run());
        try {
            if (watches)
                co_await watch(client, rest[1]);
            else
                right = co_await aio::wait_for(demo(client, count), std::chrono::seconds(60));
        } catch (const aio::TimeoutError&) {
            std::fprintf(stderr, "the server does not answer\n");
        } catch (const ConnectionLost& error) {
            std::fprintf(stderr, "%s\n", error.what());
        }
        running.cancel();
    });
    co_return right ? samples::success : samples::failure;
}

} // namespace
} // namespace redis

int main(int argc, char** argv) { return samples::main_of(redis::amain, argc, argv, redis::usage); }
