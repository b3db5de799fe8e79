#include <aio/io/datagram_endpoint.hpp>

#include <new>
#include <system_error>

#include <aio/core/event_loop.hpp>

namespace aio {
namespace detail {

std::unique_ptr<uv::Udp> open_datagram_socket(EventLoop& loop, const std::optional<Address>& local,
                                              const DatagramOptions& options) {
    auto socket = std::make_unique<uv::Udp>(loop.bindings());
    if (local) socket->bind(*local, options.bind());
    if (options.remote()) socket->connect(*options.remote());
    if (options.allow_broadcast()) socket->set_broadcast(true);
    return socket;
}

std::string place_of_datagrams(const uv::Udp& socket, const std::optional<Address>& remote) noexcept {
    try {
        return remote ? " from " + remote->to_string() : " at " + socket.local_address().to_string();
    } catch (const std::exception&) {
        return {};
    }
}

DatagramState::DatagramState(EventLoop& loop, const std::optional<Address>& local,
                             const DatagramOptions& options)
    : queue_(loop.state()), socket_(open_datagram_socket(loop, local, options)), remote_(options.remote()) {
    begin();
}

DatagramState::DatagramState(EventLoop& loop, uv::Descriptor socket) : queue_(loop.state()) {
    if (uv::kind_of(socket) != uv::DescriptorKind::udp)
        throw ValueError("DatagramEndpoint: descriptor " + std::to_string(socket.get()) +
                         " is no UDP socket");
    socket_ = std::make_unique<uv::Udp>(loop.bindings(), std::move(socket));
    try {
        remote_ = socket_->peer_address();
    } catch (const std::system_error&) {
        // It is not connected.
    }
    begin();
}

void DatagramState::begin() noexcept {
    uv::Udp::SendHandler handler;
    handler.context = this;
    handler.function = [](void* context, int status, const std::optional<Address>& to) noexcept {
        static_cast<DatagramState*>(context)->on_sent(status, to);
    };
    socket_->on_sent(handler);
    queue_.loop().resources.push_back(*this);
}

uv::Udp& DatagramState::socket() const {
    if (!is_open())
        uv::throw_error(uv::status::closed,
                        "use of a datagram endpoint that received" + place_ + ", after close");
    return *socket_;
}

void DatagramState::want_datagrams() {
    if (receiving_) return;
    uv::check(socket_->start_receiving(*this), "receive datagrams");
    receiving_ = true;
}

void DatagramState::cancel_receivers() noexcept {
    try {
        while (queue_.has_waiters())
            queue_.push(EventError(uv::status::canceled, "receive a datagram" + place_));
    } catch (const std::bad_alloc&) {
        // The end of the queue tells them, and says less.
        return;
    }
}

void DatagramState::close() noexcept {
    if (!is_open()) return;
    place_ = place_of_datagrams(*socket_, remote_);
    socket_.reset();
    unlink();
    cancel_receivers();
    queue_.close();
    while (SendDatagramAwaiter* const sender = senders_.pop_front()) sender->finish(uv::status::canceled);
}

void DatagramState::received(std::span<const std::byte> data, const Address& from, bool) noexcept {
    try {
        queue_.push(Datagram(std::vector<std::byte>(data.begin(), data.end()), from));
    } catch (const std::bad_alloc&) {
        // Datagrams get lost; nobody can be told of this one.
        return;
    }
}

void DatagramState::failed(int status) noexcept { keep_error(status, std::nullopt); }

void DatagramState::keep_error(int status, const std::optional<Address>& sending_to) noexcept {
    // Whoever only sends does not ask for them.
    if (queue_.size() >= most_kept) return;
    try {
        std::string what = "receive a datagram" + place_of_datagrams(*socket_, remote_);
        if (sending_to) what += ", after a datagram to " + sending_to->to_string() + " could not be sent";
        queue_.push(EventError(status, what));
    } catch (const std::bad_alloc&) {
        return;
    }
}

bool DatagramState::wants_more() noexcept {
    receiving_ = queue_.size() < most_kept;
    return receiving_;
}

void DatagramState::on_sent(int status, const std::optional<Address>& to) noexcept {
    if (status < 0) keep_error(status, to);
    // Each one that goes into the queue makes it longer again.
    while (socket_ != nullptr && socket_->send_queue_size() <= low_water) {
        SendDatagramAwaiter* const sender = senders_.pop_front();
        if (sender == nullptr) return;
        sender->finish(sender->send_queued());
    }
}

bool SendDatagramAwaiter::await_ready() {
    endpoint_->queue_.check_here("send a datagram");
    uv::Udp& socket = endpoint_->socket();
    const std::size_t queued = socket.send_queue_size();
    done_ = true;
    if (queued == 0 && endpoint_->senders_.empty()) {
        const int status = socket.try_send(data_, to());
        if (!uv::Udp::no_room(status)) {
            set_status(status);
            return endpoint_->queue_.loop().take_immediate();
        }
    }
    if (queued + data_.size() > DatagramState::high_water && queued > 0) {
        done_ = false;
        return false;
    }
    set_status(send_queued());
    return endpoint_->queue_.loop().take_immediate();
}

int SendDatagramAwaiter::send_queued() noexcept {
    try {
        return endpoint_->socket_->queue(data_, to());
    } catch (const std::bad_alloc&) {
        return uv::status::out_of_memory;
    }
}

void SendDatagramAwaiter::await_resume() {
    throw_if_cancelled();
    if (status_ >= 0) return;
    uv::throw_error(status_, "send a datagram to " + (to_ ? to_->to_string() : std::string("nowhere")));
}

Datagram ReceiveDatagramAwaiter::await_resume() {
    std::optional<Datagram> datagram = take_event();
    if (!datagram) uv::throw_error(uv::status::canceled, "receive a datagram");
    return std::move(*datagram);
}

} // namespace detail

DatagramOptions& DatagramOptions::remote(const Address& address) {
    // The system would take it, and send to nobody.
    if (address.port() == 0) throw ValueError("a remote address needs a port: " + address.to_string());
    remote_ = address;
    return *this;
}

DatagramEndpoint::DatagramEndpoint(const Address& local, const DatagramOptions& options)
    : DatagramEndpoint(get_running_loop(), local, options) {}

DatagramEndpoint::DatagramEndpoint(const DatagramOptions& options) {
    if (!options.remote()) throw ValueError("DatagramEndpoint: neither a local nor a remote address");
    state_ = std::make_unique<detail::DatagramState>(get_running_loop(), std::nullopt, options);
}

DatagramEndpoint::DatagramEndpoint(EventLoop& loop, const Address& local, const DatagramOptions& options)
    : state_(std::make_unique<detail::DatagramState>(loop, local, options)) {}

DatagramEndpoint::DatagramEndpoint(uv::Descriptor socket)
    : DatagramEndpoint(get_running_loop(), std::move(socket)) {}

DatagramEndpoint::DatagramEndpoint(EventLoop& loop, uv::Descriptor socket)
    : state_(std::make_unique<detail::DatagramState>(loop, std::move(socket))) {}

std::vector<Datagram> DatagramEndpoint::receive_some(std::size_t limit) {
    detail::DatagramState& endpoint = state();
    std::vector<Datagram> datagrams;
    while (datagrams.size() < limit) {
        std::optional<Datagram> datagram = endpoint.queue().take_at_once();
        if (!datagram) break;
        datagrams.push_back(std::move(*datagram));
    }
    return datagrams;
}

detail::SendDatagramOperation DatagramEndpoint::send_to(std::span<const std::byte> data, const Address& to) {
    const std::optional<Address>& remote = state().remote();
    if (remote && to != *remote)
        throw ValueError("send_to " + to.to_string() + ": this endpoint sends to " + remote->to_string());
    return detail::SendDatagramOperation(state(), data, remote ? std::nullopt : std::optional<Address>(to));
}

detail::SendDatagramOperation DatagramEndpoint::send(std::span<const std::byte> data) {
    if (!state().remote()) throw ValueError("send: this endpoint has no remote address");
    return detail::SendDatagramOperation(state(), data, std::nullopt);
}

} // namespace aio
