#pragma once

/// The echo benchmark's parts that speak to libuv itself: the client ends, which all variants share, and the
/// two servers that aiouv is compared with.

#include <cstddef>
#include <memory>
#include <vector>

struct uv_loop_s;

namespace echo {

constexpr std::size_t message_size = 64;

/// Two ends of a connected TCP connection on the loopback interface, with TCP_NODELAY.
struct Connection {
    int server;
    int client;
};
Connection connect_pair();

/// The client ends of some connections, driven by callbacks: read on, `uv_try_write`. Each sends its next
/// message when the echo has come.
class Clients {
public:
    Clients(uv_loop_s* loop, const std::vector<int>& sockets);
    ~Clients();
    Clients(const Clients&) = delete;
    Clients& operator=(const Clients&) = delete;

    /// Sends the first messages. After `round_trips` echoes in all, and when the last message has come back,
    /// `finished(context)` is called.
    void start(long round_trips, void (*finished)(void*), void* context);

    struct Impl;

private:
    std::unique_ptr<Impl> impl_;
};

/// What a raw server does with a message.
enum class ServerStyle {
    /// Reading stays on, all connections receive into one 64 KiB buffer, answers go out with `uv_try_write`.
    tuned,
    /// As in libuv's own echo server: memory from malloc for each read, a request from malloc and `uv_write`
    /// for each answer.
    plain,
};

/// A loop with both ends on it.
class RawEcho {
public:
    RawEcho(ServerStyle style, int connections);
    ~RawEcho();
    RawEcho(const RawEcho&) = delete;
    RawEcho& operator=(const RawEcho&) = delete;
    void run(long round_trips);

    struct Impl;

private:
    std::unique_ptr<Impl> impl_;
};

} // namespace echo
