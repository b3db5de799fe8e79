#pragma once

/// One client: its requests, one after another.

#include <chrono>
#include <cstddef>
#include <filesystem>

#include <aio/aio.hpp>

namespace http_file_server {

struct Site {
    std::filesystem::path root;
    std::size_t most_connections = 1000;
    /// How long a connection may be without a request.
    std::chrono::duration<double> idle_time{60};
    /// How long a request may take from its first byte to its last: a client that sends byte after byte does
    /// not hold a connection for longer.
    std::chrono::duration<double> header_time{10};
    /// How long a client may take for a quarter of a megabyte.
    std::chrono::duration<double> send_time{30};
    bool logs = true;
};

/// Serves a client until it goes, or is sent away. `others` is how many there are beside it.
[[nodiscard]] aio::Coro<> serve_client(const Site& site, std::size_t others, aio::StreamReader reader,
                                       aio::StreamWriter writer);

} // namespace http_file_server
