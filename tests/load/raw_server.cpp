#include "raw_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>
#include <uv.h>

#include <cstdio>
#include <cstdlib>

namespace load {
namespace {

void require(bool ok) {
    if (!ok) std::abort();
}

/// All that is kept for a connection.
struct Connection {
    uv_tcp_t handle{};
};

/// Shared by all: what comes is sent back at once.
char buffer[64 * 1024];

void on_closed(uv_handle_t* handle) { delete static_cast<Connection*>(handle->data); }

void on_alloc(uv_handle_t*, std::size_t, uv_buf_t* buf) { *buf = uv_buf_init(buffer, sizeof buffer); }

void on_read(uv_stream_t* stream, ssize_t count, const uv_buf_t* buf) {
    if (count < 0) {
        uv_close(reinterpret_cast<uv_handle_t*>(stream), on_closed);
        return;
    }
    const uv_buf_t back = uv_buf_init(buf->base, static_cast<unsigned>(count));
    if (count > 0) require(uv_try_write(stream, &back, 1) == count);
}

void on_connection(uv_stream_t* server, int status) {
    require(status == 0);
    auto* const connection = new Connection;
    connection->handle.data = connection;
    auto* const stream = reinterpret_cast<uv_stream_t*>(&connection->handle);
    require(uv_tcp_init(server->loop, &connection->handle) == 0);
    require(uv_accept(server, stream) == 0);
    require(uv_read_start(stream, on_alloc, on_read) == 0);
}

} // namespace

void serve_raw(int report) {
    uv_loop_t loop;
    uv_tcp_t server;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    require(uv_loop_init(&loop) == 0 && uv_tcp_init(&loop, &server) == 0);
    require(uv_tcp_bind(&server, name, 0) == 0);
    require(uv_listen(reinterpret_cast<uv_stream_t*>(&server), 1024, on_connection) == 0);
    require(uv_tcp_getsockname(&server, name, &size) == 0);
    require(::dprintf(report, "%d\n", ntohs(address.sin_port)) > 0);
    ::close(report);
    uv_run(&loop, UV_RUN_DEFAULT);
    std::abort();
}

} // namespace load
