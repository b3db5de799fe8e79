#pragma once

/// `TcpListener`: accepts TCP connections.
///
///     aio::TcpListener listener(aio::Address("127.0.0.1", 8000));
///     for (;;) group.create_task(serve, co_await listener.accept());
///
/// A burst of connections is accepted without suspending in between. When the process runs out of descriptors
/// the listener reports it, pauses for a second and goes on; the connections wait in the system meanwhile.

#include <coroutine>
#include <exception>
#include <memory>
#include <string>

#include <aio/core/errors.hpp>
#include <aio/core/loop_resource.hpp>
#include <aio/core/ref.hpp>
#include <aio/core/suspension.hpp>
#include <aio/core/timer_queue.hpp>
#include <aio/io/tcp_stream.hpp>
#include <aio/uv/listener.hpp>

namespace aio {

using ListenOptions = uv::ListenOptions;

namespace detail {

class AcceptAwaiter;

/// Takes connections as they come, without being asked: a server.
class AcceptSink {
public:
    virtual void accepted(uv::AcceptedConnection connection) noexcept = 0;

protected:
    AcceptSink() = default;
    ~AcceptSink() = default;
};

/// The state behind a listener.
class ListenerState final : public LoopResource, private TimerNode {
public:
    ListenerState(EventLoop& loop, uv::Descriptor socket);
    ~ListenerState() { close(); }
    ListenerState(const ListenerState&) = delete;
    ListenerState& operator=(const ListenerState&) = delete;

    [[nodiscard]] bool is_open() const noexcept { return listener_ != nullptr; }
    [[nodiscard]] LoopState& loop() const noexcept { return *loop_; }
    [[nodiscard]] uv::Listener& listener() const;
    /// What accepting has failed with, and where.
    [[nodiscard]] std::exception_ptr error_of(int status) const noexcept;
    void close() noexcept;
    void loop_closing() noexcept override { close(); }

    /// From now on hands connections to `sink`, at most `burst` each time that the loop looks. Throws
    /// `std::system_error`.
    void serve(AcceptSink& sink, int burst);

private:
    friend AcceptAwaiter;

    void on_ready() noexcept;
    static void on_pause_over(TimerNode& self) noexcept;
    /// Waits until connections come, or, when there is no room for them, for a while. Returns a negative
    /// libuv error if that is impossible.
    int watch() noexcept;
    /// Reports what accepting has failed with, and tries again in a while.
    void pause(int status) noexcept;
    void fill_sink() noexcept;

    Ref<LoopState> loop_;
    std::unique_ptr<uv::Listener> listener_;
    /// Where it has listened, once it is closed.
    std::string place_;
    AcceptAwaiter* waiter_ = nullptr;
    AcceptSink* sink_ = nullptr;
    int burst_ = 1;
};

/// `accept`. Cancelling it unlinks it; connections that come later wait for the next accept.
class AcceptAwaiter final : public Suspension {
public:
    explicit AcceptAwaiter(ListenerState& listener) noexcept : listener_(&listener) {}
    ~AcceptAwaiter() {
        if (pending()) listener_->waiter_ = nullptr;
    }

    [[nodiscard]] bool await_ready();
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) {
        suspend(caller);
        start();
    }
    TcpStream await_resume();
    [[nodiscard]] std::string description() const override { return "a connection to accept"; }

    void finish(uv::AcceptedConnection connection) noexcept {
        connection_ = std::move(connection);
        wake();
    }
    /// To be called while the listener is there to say where that was.
    void fail(int status) noexcept {
        error_ = listener_->error_of(status);
        wake();
    }

private:
    void start();
    bool on_cancel(const std::string&) noexcept override {
        listener_->waiter_ = nullptr;
        return wake_cancelled();
    }

    ListenerState* listener_;
    LoopState* loop_ = nullptr;
    uv::AcceptedConnection connection_;
    std::exception_ptr error_;
};

/// What `accept` returns, until it is awaited.
class AcceptOperation {
public:
    explicit AcceptOperation(ListenerState& listener) noexcept : listener_(&listener) {}
    AcceptAwaiter operator co_await() const noexcept { return AcceptAwaiter(*listener_); }

private:
    ListenerState* listener_;
};

} // namespace detail

/// A listening TCP socket; move-only. Belongs to the loop it was made on. Destroying it closes it.
class TcpListener {
public:
    /// Listens on the running loop. Port 0 lets the system choose one. Throws `std::system_error` naming the
    /// address, and `RuntimeError` without a running loop.
    explicit TcpListener(const Address& address, const ListenOptions& options = ListenOptions());
    TcpListener(std::string_view ip, std::uint16_t port) : TcpListener(Address(ip, port)) {}
    /// Listens on a given loop.
    TcpListener(EventLoop& loop, const Address& address, const ListenOptions& options = ListenOptions());
    /// Adopts a bound socket, and listens on it unless that has been done already. Throws `ValueError` if it
    /// is no TCP socket, and `std::system_error`; it is closed then.
    TcpListener(EventLoop& loop, uv::Descriptor socket);

    /// Gives the next connection. Throws `std::system_error`, with operation_canceled when the listener is
    /// closed meanwhile; `RuntimeError` when another task is accepting already. Cancelling loses no
    /// connection.
    [[nodiscard]] detail::AcceptOperation accept() { return detail::AcceptOperation(state()); }

    /// The address it listens on, with the port that the system chose. Throws `std::system_error` when
    /// closed.
    [[nodiscard]] Address local_address() const { return uv::local_address(state().listener().socket()); }
    /// Closes the socket; connections that nobody accepted are refused.
    void close() noexcept {
        if (state_) state_->close();
    }
    [[nodiscard]] bool is_open() const noexcept { return state_ != nullptr && state_->is_open(); }

private:
    [[nodiscard]] detail::ListenerState& state() const {
        if (!state_) throw RuntimeError("this listener has been moved from");
        return *state_;
    }
    std::unique_ptr<detail::ListenerState> state_;
};

} // namespace aio
