#pragma once

/// What the tests of servers share.

#include <cstdint>
#include <string>

#include <aio/io/open_connection.hpp>
#include <aio/io/server.hpp>

#include "stream_help.hpp"

namespace io_test {

/// Sends every line back.
inline aio::Coro<> echo(aio::StreamReader reader, aio::StreamWriter writer) {
    for (;;) {
        const std::string line = co_await reader.readline();
        if (line.empty()) co_return;
        co_await writer.write_all(line);
    }
}

inline std::uint16_t port_of(const aio::Server& server) {
    return server.sockets().at(0).address().value().port();
}

inline aio::Coro<aio::StreamConnection> connect_to(const aio::Server& server) {
    return aio::open_connection("127.0.0.1", port_of(server));
}

inline aio::Coro<std::string> ask(aio::StreamConnection& client, std::string line) {
    co_await client.writer.write_all(line);
    co_return co_await client.reader.readline();
}

/// Waits until something is so, in turns of the loop.
template <class Condition>
aio::Coro<> until(Condition condition) {
    while (!condition()) co_await turn();
}

} // namespace io_test
