#include <aio/io/tcp_listener.hpp>

#include <chrono>
#include <system_error>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/io/report_soon.hpp>
#include <aio/uv/error.hpp>

namespace aio {
namespace detail {
namespace {

/// How long to wait for descriptors or memory to become free.
constexpr Duration pause_when_short = std::chrono::seconds(1);

} // namespace

ListenerState::ListenerState(EventLoop& loop, uv::Descriptor socket)
    : TimerNode(&on_pause_over),
      loop_(&loop.state()),
      listener_(std::make_unique<uv::Listener>(loop.bindings(), std::move(socket),
                                               uv::bind<&ListenerState::on_ready>(*this))) {
    loop_->resources.push_back(*this);
}

uv::Listener& ListenerState::listener() const {
    if (!is_open()) uv::throw_error(uv::status::closed, "use of the listener at " + place_ + " after close");
    return *listener_;
}

void ListenerState::close() noexcept {
    if (!is_open()) return;
    try {
        place_ = uv::place_of(listener_->socket());
    } catch (const std::exception&) {
        place_ = "an address";
    }
    loop_->timers.remove(*this);
    unlink();
    if (AcceptAwaiter* const waiter = std::exchange(waiter_, nullptr)) waiter->fail(uv::status::canceled);
    listener_.reset();
}

std::exception_ptr ListenerState::error_of(int status) const noexcept {
    try {
        std::string what = "accept a connection";
        if (is_open()) what += " at " + uv::place_of(listener_->socket());
        return std::make_exception_ptr(std::system_error(uv::error_code(status), what));
    } catch (...) {
        return std::current_exception();
    }
}

int ListenerState::watch() noexcept {
    if (armed()) return 0;
    try {
        listener_->start_watching();
        return 0;
    } catch (const std::system_error& e) {
        return e.code().value();
    }
}

void ListenerState::pause(int status) noexcept {
    try {
        loop_->timers.push(*this, loop_->clock->now() + pause_when_short);
    } catch (...) {
        // Not even memory for a timer: the next accept tries again, and a server at once.
        if (AcceptAwaiter* const waiter = std::exchange(waiter_, nullptr)) waiter->fail(status);
        return;
    }
    listener_->stop_watching();
    report_soon(*loop_, error_of(status), "cannot accept connections now; trying again in a second");
}

void ListenerState::on_pause_over(TimerNode& self) noexcept {
    auto& state = static_cast<ListenerState&>(self);
    if (state.sink_ != nullptr)
        static_cast<void>(state.watch());
    else if (state.waiter_ != nullptr)
        state.on_ready();
}

void ListenerState::serve(AcceptSink& sink, int burst) {
    listener().start_watching();
    sink_ = &sink;
    burst_ = burst;
}

void ListenerState::fill_sink() noexcept {
    for (int i = 0; i < burst_ && is_open(); ++i) {
        uv::Listener::Accepted next = listener_->accept();
        if (next.none_waiting()) return;
        if (next.status() < 0) {
            pause(next.status());
            return;
        }
        sink_->accepted(std::move(next.connection()));
    }
}

void ListenerState::on_ready() noexcept {
    if (sink_ != nullptr) {
        fill_sink();
        return;
    }
    if (waiter_ == nullptr) {
        // Nobody accepts now: connections wait in the system until somebody does.
        listener_->stop_watching();
        return;
    }
    uv::Listener::Accepted next = listener_->accept();
    if (next.short_of_resources()) {
        pause(next.status());
        return;
    }
    int status = next.status();
    if (next.none_waiting()) {
        status = watch();
        if (status == 0) return;
    }
    AcceptAwaiter* const waiter = std::exchange(waiter_, nullptr);
    if (status < 0)
        waiter->fail(status);
    else
        waiter->finish(std::move(next.connection()));
}

bool AcceptAwaiter::await_ready() {
    ListenerState& state = *listener_;
    loop_ = &state.loop();
    if (running_loop_state() != loop_) throw RuntimeError("accept: this listener belongs to another loop");
    uv::Listener& listener = state.listener();
    if (state.waiter_ != nullptr)
        throw RuntimeError("accept: another task is accepting from this listener already");
    // Out of budget the poll tells about the same connection again: a way of giving way that a cancellation
    // can end.
    if (state.armed() || !loop_->take_immediate()) return false;
    uv::Listener::Accepted next = listener.accept();
    if (next.none_waiting()) return false;
    if (next.short_of_resources()) {
        state.pause(next.status());
        return false;
    }
    if (next.status() < 0) error_ = state.error_of(next.status());
    connection_ = std::move(next.connection());
    return true;
}

void AcceptAwaiter::start() {
    const int status = listener_->watch();
    if (status == 0)
        listener_->waiter_ = this;
    else
        fail(status);
}

TcpStream AcceptAwaiter::await_resume() {
    throw_if_cancelled();
    if (error_) std::rethrow_exception(error_);
    return TcpStream(loop_->require_loop(), std::move(connection_));
}

} // namespace detail

TcpListener::TcpListener(const Address& address, const ListenOptions& options)
    : TcpListener(get_running_loop(), address, options) {}

TcpListener::TcpListener(EventLoop& loop, const Address& address, const ListenOptions& options)
    : state_(std::make_unique<detail::ListenerState>(loop, uv::listen_tcp(address, options))) {}

TcpListener::TcpListener(EventLoop& loop, uv::Descriptor socket) {
    if (uv::kind_of(socket) != uv::DescriptorKind::tcp)
        throw ValueError("TcpListener: descriptor " + std::to_string(socket.get()) + " is no TCP socket");
    uv::listen_on(socket, ListenOptions().backlog());
    state_ = std::make_unique<detail::ListenerState>(loop, std::move(socket));
}

} // namespace aio
