// Serves the files of a directory over HTTP/1.1, with or without TLS.

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <aio/aio.hpp>

#include "../common/program.hpp"
#include "../common/serve.hpp"
#include "connection.hpp"

namespace http_file_server {
namespace {

const char* const usage =
    "usage: http_file_server [DIRECTORY] [--host H] [--port P] [--tls CHAIN.pem --key KEY.pem]\n"
    "                        [--connections N] [--idle S] [--header S] [--send S] [--quiet]\n"
    "\n"
    "Listens on 127.0.0.1, port 8000, unless something else is said; port 0 lets the system choose.\n"
    "\n"
    "  --connections N   clients that are served at the same time (default: 1000)\n"
    "  --idle S          seconds that a connection may be without a request (default: 60)\n"
    "  --header S        seconds from the first byte of a request to its last (default: 10)\n"
    "  --send S          seconds that a client may take for a quarter of a megabyte (default: 30)\n"
    "  --quiet           no line for every request\n";

std::chrono::duration<double> take_seconds(samples::CommandLine& line, const char* name, double otherwise) {
    return std::chrono::duration<double>(line.number(name, otherwise, 0.001, 1e6));
}

aio::Coro<int> amain(samples::CommandLine line) {
    samples::Endpoint endpoint = samples::take_endpoint(line, 8000);
    Site site;
    site.most_connections = line.number<std::size_t>("--connections", 1000, 1, 1'000'000);
    site.idle_time = take_seconds(line, "--idle", 60);
    site.header_time = take_seconds(line, "--header", 10);
    site.send_time = take_seconds(line, "--send", 30);
    site.logs = !line.flag("--quiet");
    const std::vector<std::string> rest = line.rest(0, 1);
    site.root = rest.empty() ? "." : rest.front();
    const aio::FileStatus status = co_await aio::stat(site.root);
    if (!status.is_directory()) throw samples::UsageError(site.root.string() + " is no directory");

    // Each line of the log is there at once, for whoever follows it.
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    // A request is read whole before it is looked at.
    endpoint.options.limit(16 * 1024);
    std::size_t clients = 0;
    const auto handle = [&site, &clients](aio::StreamReader reader, aio::StreamWriter writer) -> aio::Coro<> {
        const std::size_t others = clients++;
        std::exception_ptr error;
        try {
            co_await serve_client(site, others, std::move(reader), std::move(writer));
        } catch (...) {
            error = std::current_exception();
        }
        --clients;
        if (error) std::rethrow_exception(error);
    };
    aio::Server server = co_await samples::listen(handle, std::move(endpoint));
    co_await samples::serve(std::move(server), std::chrono::seconds(2));
    co_return samples::success;
}

} // namespace
} // namespace http_file_server

int main(int argc, char** argv) {
    return samples::main_of(http_file_server::amain, argc, argv, http_file_server::usage);
}
