// Sends back whatever its clients send, over TCP, a Unix domain socket or TLS.

#include <chrono>
#include <cstdio>
#include <string>

#include <aio/aio.hpp>

#include "common/program.hpp"
#include "common/serve.hpp"

namespace {

const char* const usage =
    "usage: echo_server [--host H] [--port P | --unix PATH] [--tls CHAIN.pem --key KEY.pem]\n"
    "\n"
    "Listens on 127.0.0.1, port 7777, unless something else is said; port 0 lets the system choose.\n"
    "Ends at Ctrl-C or SIGTERM, which clients that are still there have a second to notice.\n";

/// One for every client. A client that does not read makes the write wait, and so the read after it: nothing
/// piles up here.
aio::Coro<> echo(aio::StreamReader reader, aio::StreamWriter writer) {
    for (;;) {
        const std::string data = co_await reader.read(65536);
        if (data.empty()) break;
        co_await writer.write_all(data);
    }
    writer.close();
    co_await writer.wait_closed();
}

/// A client that goes away in the middle is no news.
aio::Coro<> serve_client(aio::StreamReader reader, aio::StreamWriter writer) {
    try {
        co_await echo(std::move(reader), std::move(writer));
    } catch (const std::system_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

aio::Coro<int> amain(samples::CommandLine line) {
    samples::Endpoint endpoint = samples::take_endpoint(line, 7777);
    static_cast<void>(line.rest(0, 0));
    aio::Server server = co_await samples::listen(serve_client, std::move(endpoint));
    co_await samples::serve(std::move(server), std::chrono::seconds(1));
    co_return samples::success;
}

} // namespace

int main(int argc, char** argv) { return samples::main_of(amain, argc, argv, usage); }
