#pragma once

/// The state behind a `Server`: its sockets, and the connections that they have brought.

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include <aio/config.hpp>
#include <aio/core/awaitable.hpp>
#include <aio/core/context.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/core/intrusive_list.hpp>
#include <aio/core/ref.hpp>
#include <aio/io/served_connection.hpp>
#include <aio/io/stream_connection.hpp>
#include <aio/io/tcp_listener.hpp>
#if AIO_HAVE_TLS
#include <aio/io/tls_stream.hpp>
#endif
#include <aio/sync/loop_binding.hpp>
#include <aio/sync/wait_queue.hpp>
#include <aio/uv/unix_socket.hpp>

namespace aio::detail {

class ServerCore;

/// A listening socket of a server.
class ServingSocket final : private AcceptSink {
public:
    /// `file` is removed when it closes.
    ServingSocket(ServerCore& server, EventLoop& loop, uv::Descriptor socket, uv::SocketFile file);
    ~ServingSocket() { file_.remove(); }

    void start(int burst) { listener_.serve(*this, burst); }
    [[nodiscard]] const uv::Descriptor& socket() const { return listener_.listener().socket(); }
    /// Not when the loop has closed.
    [[nodiscard]] bool is_open() const noexcept { return listener_.is_open(); }
    [[nodiscard]] bool is_tcp() const noexcept { return tcp_; }

private:
    void accepted(uv::AcceptedConnection connection) noexcept override;

    ServerCore* server_;
    bool tcp_;
    ListenerState listener_;
    uv::SocketFile file_;
};

/// A handler's hold on its server and connection. When it goes the handler has ended, or will never run.
class HandlerHold {
public:
    HandlerHold(Ref<ServerCore> server, Ref<StreamLink> link) noexcept;
    HandlerHold(HandlerHold&&) noexcept = default;
    HandlerHold& operator=(HandlerHold&&) = delete;
    ~HandlerHold();
    [[nodiscard]] ServerCore& server() const noexcept { return *server_; }
    [[nodiscard]] const Ref<StreamLink>& link() const noexcept { return link_; }

private:
    Ref<ServerCore> server_;
    Ref<StreamLink> link_;
};

/// Held by the `Server` and by the handlers that run.
class ServerCore : public RefCounted, private LinkOwner, private ConnectionOwner {
public:
    ServerCore(EventLoop& loop, std::size_t limit, int burst, bool keep_alive);

#if AIO_HAVE_TLS
    /// Throws `ValueError` if that is a client's, or the time-out not positive.
    void set_tls(const TlsContext& context, Duration handshake_timeout);
#endif
    void add(uv::Descriptor socket, uv::SocketFile file = uv::SocketFile());
    void start_serving();
    [[nodiscard]] bool serving() const noexcept { return serving_; }
    [[nodiscard]] bool closed() const noexcept { return closed_; }
    [[nodiscard]] const std::vector<std::unique_ptr<ServingSocket>>& sockets() const noexcept {
        return sockets_;
    }
    [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
    /// No connection is open, and no handler runs.
    [[nodiscard]] bool idle() const noexcept { return connections_ == 0 && handlers_.empty(); }

    void close() noexcept;
    void close_clients() noexcept;
    void abort_clients() noexcept;
    void cancel_handlers();

    [[nodiscard]] static Coro<> serve_forever(Ref<ServerCore> server);
    [[nodiscard]] static Coro<> close_within(Ref<ServerCore> server, Duration grace);

    // What sockets and handlers call.
    void connected(uv::AcceptedConnection connection, bool tcp) noexcept;
    void failed(std::exception_ptr error, const char* message) noexcept;
    void handler_ended(const StreamLink& link) noexcept;

    [[nodiscard]] WaitQueue& closers() noexcept { return closers_; }
    [[nodiscard]] WaitQueue& idlers() noexcept { return idlers_; }
    [[nodiscard]] bool finished() const noexcept { return closed_ && connections_ == 0; }

protected:
    ~ServerCore() override;
    /// Calls the handler; gives what is left to be awaited, if it is a coroutine.
    [[nodiscard]] virtual std::optional<Coro<>> call(const Ref<StreamLink>& link) = 0;
    /// Counts a connection that goes on as one of another kind: `begin` gives that, from the stream and the
    /// owner that it is to tell.
    template <class Begin>
    void hand_over(StreamLink& link, Begin begin) {
        const CountedConnection counted(*this);
        ServedConnection& connection = begin(link.take_stream(), static_cast<ConnectionOwner&>(*this));
        served_.push_back(connection);
        ++connections_;
    }

private:
    /// One connection more, for as long as this is there.
    class CountedConnection {
    public:
        explicit CountedConnection(ServerCore& server) noexcept : server_(server) { ++server_.connections_; }
        ~CountedConnection() {
            --server_.connections_;
            server_.wake_waiters();
        }
        CountedConnection(const CountedConnection&) = delete;
        CountedConnection& operator=(const CountedConnection&) = delete;

    private:
        ServerCore& server_;
    };

    [[nodiscard]] EventLoop& loop() const { return loop_->require_loop(); }
    [[nodiscard]] std::shared_ptr<HandlerHold> take_on(Stream stream);
#if AIO_HAVE_TLS
    void connected_by_tls(Stream stream);
#endif
    void begin_handler(HandlerHold& hold) noexcept;
    static Coro<> run_handler(Coro<> handler, HandlerHold hold);
    void link_closed(StreamLink& link) noexcept override;
    void connection_closed(ServedConnection& connection) noexcept override;
    void wake_waiters() noexcept;

    Ref<LoopState> loop_;
    Context context_ = copy_context();
    std::size_t limit_;
    int burst_;
    bool keep_alive_;
#if AIO_HAVE_TLS
    std::optional<TlsContext> tls_;
    Duration tls_handshake_timeout_{};
#endif
    bool serving_ = false;
    bool closed_ = false;
    std::vector<std::unique_ptr<ServingSocket>> sockets_;
    IntrusiveList<StreamLink> links_;
    IntrusiveList<ServedConnection> served_;
    std::size_t connections_ = 0;
    std::unordered_map<const StreamLink*, AnyTask> handlers_;
    Future<> forever_;
    LoopBinding binding_{"Server"};
    WaitQueue closers_{binding_};
    WaitQueue idlers_{binding_};
};

/// Waits until a server is closed and has no more connections.
class ServerClosedWait final : public Waiter {
public:
    explicit ServerClosedWait(const Ref<ServerCore>& server) noexcept
        : Waiter("Server.wait_closed"), server_(server) {}
    ~ServerClosedWait() { leave(); }
    [[nodiscard]] bool await_ready() const noexcept { return server_->finished(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(server_->closers(), caller);
    }
    void await_resume() {
        if (waited()) settle();
    }

private:
    Ref<ServerCore> server_;
};

/// Waits until a server has neither connections nor handlers.
class ServerIdleWait final : public Waiter {
public:
    explicit ServerIdleWait(ServerCore& server) noexcept : Waiter("Server.close"), server_(&server) {}
    ~ServerIdleWait() { leave(); }
    [[nodiscard]] bool await_ready() const noexcept { return server_->idle(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        wait_in(server_->idlers(), caller);
    }
    void await_resume() {
        if (waited()) settle();
    }

private:
    ServerCore* server_;
};

/// With the handler itself.
template <class F>
class ServerCoreOf final : public ServerCore {
public:
    template <class... Args>
    explicit ServerCoreOf(F handler, Args&&... arguments)
        : ServerCore(std::forward<Args>(arguments)...), handler_(std::move(handler)) {}

private:
    using Result = std::invoke_result_t<F&, StreamReader, StreamWriter>;
    static constexpr bool is_coroutine = std::same_as<Result, Coro<>>;
    static_assert(is_coroutine || !IsAwaitable<Result>,
                  "a handler of connections gives a Coro<>, or nothing that is awaited");

    std::optional<Coro<>> call(const Ref<StreamLink>& link) override {
        if constexpr (is_coroutine) {
            return std::invoke(handler_, StreamReader(link), StreamWriter(link));
        } else {
            std::invoke(handler_, StreamReader(link), StreamWriter(link));
            return std::nullopt;
        }
    }
    F handler_;
};

} // namespace aio::detail
