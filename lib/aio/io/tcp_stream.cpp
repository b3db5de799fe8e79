#include <aio/io/tcp_stream.hpp>

#include <string>
#include <utility>

#include <aio/core/errors.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/uv/error.hpp>

namespace aio {
namespace {

/// A connection that its peer has reset meanwhile may refuse this on some systems; whoever reads learns of
/// the reset.
void begin(detail::TcpState& state) noexcept {
    static_cast<void>(state.own.set_no_delay(true));
    // Accepting has told it.
    if (state.known_peer()) return;
    if (const std::optional<Address> peer = state.peer_address()) state.remember_peer(*peer);
}

uv::Descriptor checked(uv::Descriptor socket) {
    if (uv::kind_of(socket) != uv::DescriptorKind::tcp)
        throw ValueError("TcpStream: descriptor " + std::to_string(socket.get()) + " is no TCP socket");
    return socket;
}

} // namespace

bool detail::ConnectAwaiter::start() {
    try {
        state_ = std::make_unique<TcpState>(loop(), loop().require_loop().bindings());
    } catch (...) {
        withdraw();
        throw;
    }
    status_ = local_ ? state_->own.bind(*local_) : 0;
    if (status_ == 0) status_ = state_->own.connect(address_, *this);
    if (status_ == 0) return true;
    withdraw();
    return false;
}

void detail::ConnectAwaiter::on_connected(uv::Completion& self, int status) noexcept {
    auto& awaiter = static_cast<ConnectAwaiter&>(self);
    awaiter.status_ = status;
    awaiter.wake();
}

TcpStream detail::ConnectAwaiter::await_resume() {
    throw_if_cancelled();
    if (status_ < 0)
        uv::throw_error(status_, "connect to " + address_.to_string() +
                                     (local_ ? " from " + local_->to_string() : std::string()));
    begin(*state_);
    // One that has broken already led there.
    if (!state_->known_peer()) state_->remember_peer(address_);
    return TcpStream(std::move(state_));
}

TcpStream::TcpStream(EventLoop& loop, uv::Descriptor socket)
    : TcpStream(loop, checked(std::move(socket)), detail::KnownKind()) {}

TcpStream::TcpStream(EventLoop& loop, uv::Descriptor socket, detail::KnownKind)
    : TcpStream(loop, uv::AcceptedConnection(std::move(socket), std::nullopt)) {
    state().set_number(state().descriptor());
}

TcpStream::TcpStream(EventLoop& loop, uv::AcceptedConnection connection)
    : Stream(
          std::make_unique<detail::TcpState>(loop.state(), loop.bindings(), connection.take_descriptor())) {
    if (connection.peer()) state().remember_peer(*connection.peer());
    begin(static_cast<detail::TcpState&>(state()));
}

uv::Tcp& TcpStream::tcp() const {
    state().check_open();
    return static_cast<detail::TcpState&>(state()).own;
}

Address TcpStream::peer_address() const {
    uv::Tcp& own = tcp();
    return state().known_peer() ? *state().known_peer() : own.peer_address();
}

void TcpStream::set_no_delay(bool on) {
    uv::check(tcp().set_no_delay(on), "set the delay of small writes to " + state().name());
}

void TcpStream::set_keep_alive(bool on, unsigned idle_seconds) {
    uv::check(tcp().set_keep_alive(on, idle_seconds),
              "set the keep-alive of the connection to " + state().name());
}

} // namespace aio
