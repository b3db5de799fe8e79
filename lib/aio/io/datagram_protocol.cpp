#include <aio/io/datagram_protocol.hpp>

#include <new>
#include <system_error>

#include <aio/core/event_loop.hpp>
#include <aio/uv/error.hpp>

namespace aio {
namespace {

/// So much is kept for a loop that is busy; beyond that the system keeps, and then drops.
constexpr std::size_t most_kept = 256;
constexpr std::size_t most_kept_bytes = std::size_t(1024) * 1024;
constexpr std::size_t kept_capacity = std::size_t(128) * 1024;

} // namespace

void DatagramProtocol::connection_made(DatagramTransport&) {}
void DatagramProtocol::datagram_received(std::span<const std::byte>, const Address&) {}
void DatagramProtocol::error_received(std::exception_ptr) {}

DatagramTransport::DatagramTransport(EventLoop& loop, const std::optional<Address>& local,
                                     const DatagramOptions& options)
    : TransportCore(loop),
      socket_(detail::open_datagram_socket(loop, local, options)),
      remote_(options.remote()) {
    uv::Udp::SendHandler handler;
    handler.context = this;
    handler.function = [](void* context, int status, const std::optional<Address>& to) noexcept {
        static_cast<DatagramTransport*>(context)->on_sent(status, to);
    };
    socket_->on_sent(handler);
}

DatagramTransport::~DatagramTransport() { drop_protocols(); }

detail::Ref<DatagramTransport> DatagramTransport::start(const std::optional<Address>& local,
                                                        const DatagramOptions& options,
                                                        DatagramProtocol& protocol,
                                                        std::unique_ptr<DatagramProtocol> owned) {
    detail::Ref<DatagramTransport> transport(new DatagramTransport(get_running_loop(), local, options));
    transport->begin(protocol, std::move(owned));
    return transport;
}

// ---- Sending

void DatagramTransport::send_to(std::span<const std::byte> data, const std::optional<Address>& to) {
    if (remote_ && to && *to != *remote_)
        throw ValueError("send_to " + to->to_string() + ": this endpoint sends to " + remote_->to_string());
    if (!remote_ && !to) throw ValueError("send_to: neither an address nor a remote one");
    if (is_closing()) {
        write_dropped("a UDP socket");
        return;
    }
    const Address* const address = remote_ ? nullptr : &*to;
    if (in_flight_ == 0) {
        const int status = socket_->try_send(data, address);
        if (!uv::Udp::no_room(status)) {
            if (status < 0) send_failed(status, to);
            return;
        }
    }
    int status = 0;
    try {
        status = socket_->queue(data, address);
    } catch (const std::bad_alloc&) {
        status = uv::status::out_of_memory;
    }
    if (status < 0) {
        send_failed(status, to);
        return;
    }
    ++in_flight_;
    check_high(queued());
}

void DatagramTransport::send_failed(int status, const std::optional<Address>& to) noexcept {
    try {
        const std::optional<Address>& where = to ? to : remote_;
        events_.emplace_back(std::make_exception_ptr(std::system_error(
            uv::error_code(status), "send a datagram to " + (where ? where->to_string() : "its address"))));
    } catch (const std::bad_alloc&) {
        // Datagrams get lost; nobody can be told of this one.
        return;
    }
    queue_io();
}

void DatagramTransport::on_sent(int status, const std::optional<Address>& to) noexcept {
    --in_flight_;
    if (status < 0) send_failed(status, to);
    if (writing_paused() || is_closing()) queue_io();
}

std::size_t DatagramTransport::queued() const noexcept {
    return socket_ != nullptr ? socket_->send_queue_size() : 0;
}

// ---- Receiving

void DatagramTransport::received(std::span<const std::byte> data, const Address& from, bool) noexcept {
    if (is_closing()) return;
    try {
        bytes_.insert(bytes_.end(), data.begin(), data.end());
        events_.emplace_back(data.size(), from);
    } catch (const std::bad_alloc&) {
        // The bytes of one that is lost would be taken for those of the next.
        std::size_t known = 0;
        for (const Event& event : events_) known += event.size;
        bytes_.resize(known);
    }
    queue_io();
}

void DatagramTransport::failed(int status) noexcept {
    if (is_closing()) return;
    try {
        events_.emplace_back(std::make_exception_ptr(std::system_error(
            uv::error_code(status), "receive a datagram" + detail::place_of_datagrams(*socket_, remote_))));
    } catch (const std::bad_alloc&) {
        return;
    }
    queue_io();
}

bool DatagramTransport::wants_more() noexcept {
    receiving_ = !is_closing() && events_.size() < most_kept && bytes_.size() < most_kept_bytes;
    return receiving_;
}

void DatagramTransport::do_io() noexcept {
    deliver();
    if (ending()) return;
    check_low(queued());
    if (ending()) return;
    if (!is_closing())
        receive_on();
    else if (in_flight_ == 0)
        end(nullptr);
}

void DatagramTransport::deliver() noexcept {
    told_bytes_.swap(bytes_);
    told_events_.swap(events_);
    std::span<const std::byte> rest(told_bytes_);
    for (Event& event : told_events_) {
        if (is_closing() && !event.error) continue;
        if (ending() || protocol_ == nullptr) break;
        if (event.error) {
            call_mildly("Exception in callback protocol.error_received()",
                        [&] { protocol_->error_received(std::move(event.error)); });
            continue;
        }
        const std::span<const std::byte> data = rest.first(event.size);
        rest = rest.subspan(event.size);
        call_mildly("Exception in callback protocol.datagram_received()",
                    [&] { protocol_->datagram_received(data, event.from); });
    }
    told_events_.clear();
    told_bytes_.clear();
    // What a burst has needed is not kept for ever.
    if (told_bytes_.capacity() > kept_capacity) std::vector<std::byte>().swap(told_bytes_);
}

void DatagramTransport::receive_on() noexcept {
    if (receiving_) return;
    const int status = socket_->start_receiving(*this);
    receiving_ = status == 0;
    if (status < 0)
        force_close(std::make_exception_ptr(std::system_error(uv::error_code(status), "receive datagrams")));
}

// ---- The rest

void DatagramTransport::tell_made() { protocol_->connection_made(*this); }

void DatagramTransport::protocol_changed(BaseProtocol* protocol) noexcept {
    // Only those come here that `start` and `set_protocol` have been given.
    protocol_ = static_cast<DatagramProtocol*>(protocol);
}

void DatagramTransport::set_protocol(std::unique_ptr<DatagramProtocol> protocol) {
    if (!protocol) throw ValueError("set_protocol: there is no protocol");
    DatagramProtocol& next = *protocol;
    replace_protocol(next, std::move(protocol));
}

DatagramProtocol& DatagramTransport::get_protocol() const {
    if (protocol_ == nullptr) throw RuntimeError("get_protocol: this transport is closed");
    return *protocol_;
}

void DatagramTransport::close() noexcept {
    if (is_closing()) return;
    set_closing();
    if (in_flight_ == 0 && !writing_paused())
        end(nullptr);
    else
        queue_io();
}

std::optional<Address> DatagramTransport::sockname() const {
    if (socket_ == nullptr) return std::nullopt;
    return socket_->local_address();
}

uv::Udp& DatagramTransport::socket() const {
    if (socket_ == nullptr) throw RuntimeError("socket: this transport is closed");
    return *socket_;
}

} // namespace aio
