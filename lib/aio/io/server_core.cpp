#include <aio/io/server_core.hpp>

#include <system_error>
#include <tuple>

#include <aio/core/error_context.hpp>
#include <aio/core/handle.hpp>
#include <aio/io/pipe_stream.hpp>
#include <aio/io/report_soon.hpp>
#include <aio/structure/wait_for.hpp>
#include <aio/uv/error.hpp>

namespace aio::detail {
namespace {

constexpr const char* unhandled = "Unhandled exception in client_connected_cb";

} // namespace

ServingSocket::ServingSocket(ServerCore& server, EventLoop& loop, uv::Descriptor socket, uv::SocketFile file)
    : server_(&server),
      tcp_(uv::kind_of(socket) == uv::DescriptorKind::tcp),
      listener_(loop, std::move(socket)),
      file_(std::move(file)) {}

void ServingSocket::accepted(uv::AcceptedConnection connection) noexcept {
    server_->connected(std::move(connection), tcp_);
}

HandlerHold::HandlerHold(Ref<ServerCore> server, Ref<StreamLink> link) noexcept
    : server_(std::move(server)), link_(std::move(link)) {}

HandlerHold::~HandlerHold() {
    if (!link_) return;
    server_->handler_ended(*link_);
}

ServerCore::ServerCore(EventLoop& loop, std::size_t limit, int burst, bool keep_alive)
    : loop_(&loop.state()), limit_(limit), burst_(burst), keep_alive_(keep_alive) {
    StreamLink::check_limit(limit);
    binding_.bind(loop.state());
}

ServerCore::~ServerCore() {
    while (StreamLink* const link = links_.pop_front()) link->set_owner(nullptr);
    while (ServedConnection* const connection = served_.pop_front()) connection->set_owner(nullptr);
}

void ServerCore::add(uv::Descriptor socket, uv::SocketFile file) {
    sockets_.push_back(std::make_unique<ServingSocket>(*this, loop(), std::move(socket), std::move(file)));
}

void ServerCore::start_serving() {
    if (closed_ || loop_->closed) throw RuntimeError("start_serving: this server is closed");
    if (serving_) return;
    for (const auto& socket : sockets_) socket->start(burst_);
    serving_ = true;
}

void ServerCore::connected(uv::AcceptedConnection connection, bool tcp) noexcept {
    try {
        std::optional<Stream> stream;
        if (tcp) {
            TcpStream tcp_stream(loop(), std::move(connection));
            if (keep_alive_) tcp_stream.set_keep_alive(true);
            stream.emplace(std::move(tcp_stream));
        } else {
            stream.emplace(PipeStream(loop(), connection.take_descriptor(), KnownKind()));
        }
#if AIO_HAVE_TLS
        if (tls_) {
            connected_by_tls(std::move(*stream));
            return;
        }
#endif
        // The handler's code must not run in here, below libuv.
        loop().call_soon(Context(context_),
                         [hold = take_on(std::move(*stream))] { hold->server().begin_handler(*hold); });
    } catch (...) {
        report_soon(*loop_, std::current_exception(), "a server could not take on a connection");
    }
}

/// The connection is the server's until its handler has it.
std::shared_ptr<HandlerHold> ServerCore::take_on(Stream stream) {
    const Ref<StreamLink> link(new StreamLink(std::move(stream), limit_));
    handlers_.emplace(link.get(), AnyTask());
    auto hold = std::make_shared<HandlerHold>(Ref<ServerCore>(this), link);
    links_.push_back(*link);
    ++connections_;
    link->set_owner(this);
    return hold;
}

#if AIO_HAVE_TLS
void ServerCore::set_tls(const TlsContext& context, Duration handshake_timeout) {
    if (!context.is_server())
        throw ValueError("start_server: TLS needs a context made by TlsContext::server");
    if (handshake_timeout <= Duration::zero())
        throw ValueError("start_server: the time-out of a TLS handshake must be positive");
    tls_ = context;
    tls_handshake_timeout_ = handshake_timeout;
}

namespace {

/// How a handshake has ended, and who is to know.
struct HandshakeOutcome {
    std::shared_ptr<HandlerHold> hold;
    std::exception_ptr error;
};

} // namespace

/// The handler is called when the handshake is over.
void ServerCore::connected_by_tls(Stream stream) {
    const auto outcome = std::make_shared<HandshakeOutcome>();
    auto go_on = [outcome] {
        const std::shared_ptr<HandlerHold> hold = std::move(outcome->hold);
        ServerCore& server = hold->server();
        if (!outcome->error) {
            server.begin_handler(*hold);
            return;
        }
        if (server.loop().get_debug()) server.failed(outcome->error, "a client's TLS handshake has failed");
        // What the client is told is still sent.
        hold->link()->close();
    };
    // Nobody's code may run inside the stream, and what the stream calls must not fail: so the callback is
    // made now, and only queued then.
    const Ref<HandleState> later(new Calling<HandleState, decltype(go_on)>(std::move(go_on), std::tuple<>(),
                                                                           *loop_, Context(context_)));
    TlsStream secure = begin_server_tls(std::move(stream), *tls_, tls_handshake_timeout_,
                                        [outcome, later](std::exception_ptr error) {
                                            outcome->error = std::move(error);
                                            later->schedule();
                                        });
    outcome->hold = take_on(std::move(secure));
}
#endif

void ServerCore::begin_handler(HandlerHold& hold) noexcept {
    const Ref<ServerCore> keep(this);
    const Ref<StreamLink> link = hold.link();
    try {
        std::optional<Coro<>> handler = call(link);
        if (!handler) return;
        AnyTask task = loop().create_task(run_handler(std::move(*handler), std::move(hold)));
        // One that has ended at once is no longer there.
        if (const auto found = handlers_.find(link.get()); found != handlers_.end())
            found->second = std::move(task);
    } catch (...) {
        link->close();
        loop_->report_current_exception(unhandled);
    }
}

Coro<> ServerCore::run_handler(Coro<> handler, HandlerHold hold) {
    try {
        co_await std::move(handler);
    } catch (const CancelledError&) {
        hold.link()->close();
        throw;
    } catch (const BaseError&) {
        hold.link()->close();
        throw;
    } catch (...) {
        hold.server().failed(std::current_exception(), unhandled);
        hold.link()->close();
    }
}

void ServerCore::failed(std::exception_ptr error, const char* message) noexcept {
    ErrorContext context;
    try {
        context.message = message;
    } catch (...) {
        // Without the message, then.
    }
    context.exception = std::move(error);
    loop_->report(context);
}

void ServerCore::handler_ended(const StreamLink& link) noexcept {
    handlers_.erase(&link);
    wake_waiters();
}

void ServerCore::link_closed(StreamLink& link) noexcept {
    if (link.linked()) link.unlink();
    --connections_;
    wake_waiters();
}

void ServerCore::connection_closed(ServedConnection& connection) noexcept {
    if (connection.linked()) connection.unlink();
    --connections_;
    wake_waiters();
}

void ServerCore::wake_waiters() noexcept {
    if (finished()) closers_.release_all();
    if (idle()) idlers_.release_all();
}

void ServerCore::close() noexcept {
    if (closed_) return;
    closed_ = true;
    serving_ = false;
    sockets_.clear();
    if (forever_) forever_.cancel();
    wake_waiters();
}

void ServerCore::close_clients() noexcept {
    // Each leaves the list when it has closed, which may be at once.
    std::vector<Ref<StreamLink>> links;
    links_.for_each([&](StreamLink& link) { links.emplace_back(&link); });
    for (const Ref<StreamLink>& link : links) link->close();
    served_.for_each([](ServedConnection& connection) { connection.close_served(); });
}

void ServerCore::abort_clients() noexcept {
    while (StreamLink* const front = links_.front()) front->abort();
    served_.for_each([](ServedConnection& connection) { connection.abort_served(); });
}

void ServerCore::cancel_handlers() {
    std::vector<AnyTask> tasks;
    for (const auto& [link, task] : handlers_) {
        if (task) tasks.push_back(task);
    }
    for (AnyTask& task : tasks) task.cancel();
}

namespace {

Coro<> until_idle(ServerCore& server) { co_await ServerIdleWait(server); }

} // namespace

Coro<> ServerCore::serve_forever(Ref<ServerCore> server) {
    if (server->forever_) throw RuntimeError("serve_forever: another task is doing that already");
    if (server->closed_) throw RuntimeError("serve_forever: this server is closed");
    server->start_serving();
    const unsigned cancelled_before = current_task().cancelling();
    const Future<> forever = server->loop().create_future<>();
    server->forever_ = forever;
    std::exception_ptr error;
    try {
        co_await forever;
    } catch (const CancelledError&) {
        error = std::current_exception();
    }
    server->forever_ = Future<>();
    server->close();
    // Cancelled, this ends everything. Whoever has closed the server has said himself what is to become of
    // the connections.
    if (current_task().cancelling() > cancelled_before) server->close_clients();
    try {
        co_await ServerClosedWait(server);
    } catch (const CancelledError&) {
        // Whoever asks twice does not want to wait for the clients.
    }
    std::rethrow_exception(error);
}

Coro<> ServerCore::close_within(Ref<ServerCore> server, Duration grace) {
    server->close();
    bool late = false;
    try {
        co_await wait_for(until_idle(*server), grace);
    } catch (const TimeoutError&) {
        late = true;
    }
    if (!late) co_return;
    server->cancel_handlers();
    server->abort_clients();
    co_await ServerIdleWait(*server);
}

} // namespace aio::detail
