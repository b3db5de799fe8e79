#include "raw.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cstdlib>
#include <cstring>

namespace echo {
namespace {

void require(bool ok) {
    if (!ok) std::abort();
}

void open_stream(uv_loop_t* loop, uv_tcp_t& handle, int fd) {
    require(uv_tcp_init(loop, &handle) == 0);
    require(uv_tcp_open(&handle, fd) == 0);
}

void ignore_close(uv_handle_t*) {}

} // namespace

Connection connect_pair() {
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    require(::bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener, 1) == 0);
    require(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    Connection pair{};
    pair.client = ::socket(AF_INET, SOCK_STREAM, 0);
    require(::connect(pair.client, reinterpret_cast<sockaddr*>(&address), size) == 0);
    pair.server = ::accept(listener, nullptr, nullptr);
    require(pair.server >= 0);
    ::close(listener);
    const int on = 1;
    for (const int fd : {pair.server, pair.client})
        ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return pair;
}

struct Client {
    uv_tcp_t handle{};
    Clients::Impl* clients = nullptr;
    std::size_t received = 0;
};

struct Clients::Impl {
    std::vector<std::unique_ptr<Client>> ends;
    char buffer[64 * 1024];
    char message[message_size];
    long to_send = 0;
    long to_receive = 0;
    void (*finished)(void*) = nullptr;
    void* context = nullptr;

    void send(Client& client) {
        if (to_send == 0) return;
        --to_send;
        const uv_buf_t buf = uv_buf_init(message, message_size);
        require(uv_try_write(reinterpret_cast<uv_stream_t*>(&client.handle), &buf, 1) ==
                static_cast<int>(message_size));
    }

    static void on_alloc(uv_handle_t* h, std::size_t, uv_buf_t* buf) {
        auto& client = *static_cast<Client*>(h->data);
        *buf = uv_buf_init(client.clients->buffer, sizeof client.clients->buffer);
    }
    static void on_read(uv_stream_t* h, ssize_t count, const uv_buf_t*) {
        if (count <= 0) return;
        auto& client = *static_cast<Client*>(h->data);
        client.received += static_cast<std::size_t>(count);
        if (client.received < message_size) return;
        client.received = 0;
        Impl& self = *client.clients;
        if (--self.to_receive == 0)
            self.finished(self.context);
        else
            self.send(client);
    }
};

Clients::Clients(uv_loop_s* loop, const std::vector<int>& sockets) : impl_(std::make_unique<Impl>()) {
    std::memset(impl_->message, 'x', sizeof impl_->message);
    for (const int fd : sockets) {
        auto& client = *impl_->ends.emplace_back(std::make_unique<Client>());
        client.clients = impl_.get();
        open_stream(loop, client.handle, fd);
        client.handle.data = &client;
        uv_read_start(reinterpret_cast<uv_stream_t*>(&client.handle), &Impl::on_alloc, &Impl::on_read);
    }
}

Clients::~Clients() {
    uv_loop_t* const loop = impl_->ends.front()->handle.loop;
    for (auto& client : impl_->ends) uv_close(reinterpret_cast<uv_handle_t*>(&client->handle), &ignore_close);
    uv_run(loop, UV_RUN_NOWAIT);
}

void Clients::start(long round_trips, void (*finished)(void*), void* context) {
    impl_->to_send = impl_->to_receive = round_trips;
    impl_->finished = finished;
    impl_->context = context;
    for (auto& client : impl_->ends) impl_->send(*client);
}

struct Server {
    uv_tcp_t handle{};
    RawEcho::Impl* echo = nullptr;
};

struct PlainWrite {
    uv_write_t request;
    uv_buf_t buf;
};

struct RawEcho::Impl {
    uv_loop_t loop{};
    std::vector<std::unique_ptr<Server>> servers;
    std::unique_ptr<Clients> clients;
    char buffer[64 * 1024];

    static void alloc_shared(uv_handle_t* h, std::size_t, uv_buf_t* buf) {
        Impl& self = *static_cast<Server*>(h->data)->echo;
        *buf = uv_buf_init(self.buffer, sizeof self.buffer);
    }
    static void on_read_tuned(uv_stream_t* h, ssize_t count, const uv_buf_t* buf) {
        if (count <= 0) return;
        const uv_buf_t answer = uv_buf_init(buf->base, static_cast<unsigned>(count));
        require(uv_try_write(h, &answer, 1) == static_cast<int>(count));
    }

    static void alloc_plain(uv_handle_t*, std::size_t suggested, uv_buf_t* buf) {
        *buf = uv_buf_init(static_cast<char*>(std::malloc(suggested)), static_cast<unsigned>(suggested));
    }
    static void on_read_plain(uv_stream_t* h, ssize_t count, const uv_buf_t* buf) {
        if (count <= 0) {
            std::free(buf->base);
            return;
        }
        auto* write = static_cast<PlainWrite*>(std::malloc(sizeof(PlainWrite)));
        write->buf = uv_buf_init(buf->base, static_cast<unsigned>(count));
        uv_write(&write->request, h, &write->buf, 1, [](uv_write_t* request, int) {
            auto* done = reinterpret_cast<PlainWrite*>(request);
            std::free(done->buf.base);
            std::free(done);
        });
    }
};

RawEcho::RawEcho(ServerStyle style, int connections) : impl_(std::make_unique<Impl>()) {
    require(uv_loop_init(&impl_->loop) == 0);
    std::vector<int> client_sockets;
    for (int i = 0; i < connections; ++i) {
        const Connection pair = connect_pair();
        client_sockets.push_back(pair.client);
        auto& server = *impl_->servers.emplace_back(std::make_unique<Server>());
        server.echo = impl_.get();
        open_stream(&impl_->loop, server.handle, pair.server);
        server.handle.data = &server;
        const bool tuned = style == ServerStyle::tuned;
        uv_read_start(reinterpret_cast<uv_stream_t*>(&server.handle),
                      tuned ? &Impl::alloc_shared : &Impl::alloc_plain,
                      tuned ? &Impl::on_read_tuned : &Impl::on_read_plain);
    }
    impl_->clients = std::make_unique<Clients>(&impl_->loop, client_sockets);
}

RawEcho::~RawEcho() {
    impl_->clients.reset();
    for (auto& server : impl_->servers)
        uv_close(reinterpret_cast<uv_handle_t*>(&server->handle), &ignore_close);
    uv_run(&impl_->loop, UV_RUN_DEFAULT);
    uv_loop_close(&impl_->loop);
}

void RawEcho::run(long round_trips) {
    impl_->clients->start(
        round_trips, [](void* loop) { uv_stop(static_cast<uv_loop_t*>(loop)); }, &impl_->loop);
    uv_run(&impl_->loop, UV_RUN_DEFAULT);
}

} // namespace echo
