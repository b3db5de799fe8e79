#include <aio/uv/udp.hpp>

#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <aio/uv/detail/address_access.hpp>
#include <aio/uv/detail/buffer.hpp>
#include <aio/uv/error.hpp>
#include <aio/uv/loop.hpp>

namespace aio::uv {

/// The handle, and the memory that is received into. It stays until the close callback.
struct Udp::Block {
    /// The largest datagram there is.
    static constexpr std::size_t piece = 64 * 1024;
    /// How many datagrams one system call may bring.
    static constexpr std::size_t pieces = 16;

    uv_udp_t handle{};
    DatagramReader* reader = nullptr;
    SendHandler sent{};
    std::unique_ptr<char[]> memory;
    /// What was adopted, if the handle works with another number for it.
    Descriptor adopted;
    bool open = true;

    static Block& of(const void* h) noexcept {
        return *static_cast<Block*>(static_cast<const uv_handle_t*>(h)->data);
    }
};

namespace {

using detail::buffer;

/// A datagram on its way.
struct SendRequest {
    uv_udp_send_t request{};
    std::vector<std::byte> data;
    std::optional<Address> to;
};

const char* text_or_null(const std::string& text) noexcept { return text.empty() ? nullptr : text.c_str(); }

template <class GetName>
Address name_of(const uv_udp_t& handle, GetName get_name, const char* what) {
    sockaddr_storage storage{};
    int size = sizeof storage;
    check(get_name(&handle, reinterpret_cast<sockaddr*>(&storage), &size), what);
    return AddressAccess::from(storage);
}

void set_membership(uv_udp_t& handle, const char* what, const std::string& group,
                    const std::string& interface_address, uv_membership membership) {
    std::string title = what + (" the multicast group " + group);
    if (!interface_address.empty()) title += " on " + interface_address;
    // The system would take it for the end.
    const bool cut_off = (group + interface_address).find('\0') != std::string::npos;
    check(cut_off
              ? UV_EINVAL
              : uv_udp_set_membership(&handle, group.c_str(), text_or_null(interface_address), membership),
          title);
}

} // namespace

Udp::Udp(Loop& loop) : block_(new Block) {
    const int status = uv_udp_init_ex(loop.native(), &block_->handle, AF_UNSPEC | UV_UDP_RECVMMSG);
    if (status < 0) {
        delete block_;
        throw_error(status, "create a UDP handle");
    }
    block_->handle.data = block_;
}

Udp::Udp(Loop& loop, Descriptor socket) : Udp(loop) {
#if !defined(_WIN32)
    // libuv ends the program when it is to close a UDP socket of such a number.
    if (is_standard(socket.get())) {
        block_->adopted = std::move(socket);
        socket = duplicate(block_->adopted);
    }
#endif
    check(uv_udp_open(&block_->handle, static_cast<uv_os_sock_t>(socket.get())), "adopt a UDP socket");
    static_cast<void>(socket.release());
}

Udp::~Udp() {
    block_->open = false;
    block_->adopted.close();
    uv_close(reinterpret_cast<uv_handle_t*>(&block_->handle),
             [](uv_handle_t* h) noexcept { delete &Block::of(h); });
}

void Udp::bind(const Address& address, const UdpBindOptions& options) {
    const sockaddr_storage storage = AddressAccess::to(address);
    unsigned flags = 0;
    if (options.reuse_address()) flags |= UV_UDP_REUSEADDR;
    if (options.ipv6_only()) flags |= UV_UDP_IPV6ONLY;
    check(uv_udp_bind(&block_->handle, reinterpret_cast<const sockaddr*>(&storage), flags),
          "bind a UDP socket to " + address.to_string());
}

void Udp::connect(const Address& address) {
    const sockaddr_storage storage = AddressAccess::to(address);
    check(uv_udp_connect(&block_->handle, reinterpret_cast<const sockaddr*>(&storage)),
          "connect a UDP socket to " + address.to_string());
}

Address Udp::local_address() const {
    return name_of(block_->handle, uv_udp_getsockname, "get the local address of a UDP socket");
}

Address Udp::peer_address() const {
    return name_of(block_->handle, uv_udp_getpeername, "get the peer's address of a UDP socket");
}

void Udp::set_broadcast(bool on) {
    check(uv_udp_set_broadcast(&block_->handle, on ? 1 : 0), "allow broadcasts from a UDP socket");
}

void Udp::set_ttl(int hops) {
    check(uv_udp_set_ttl(&block_->handle, hops), "set the hops of a UDP socket's datagrams");
}

void Udp::join_group(const std::string& group, const std::string& interface_address) {
    set_membership(block_->handle, "join", group, interface_address, UV_JOIN_GROUP);
}

void Udp::leave_group(const std::string& group, const std::string& interface_address) {
    set_membership(block_->handle, "leave", group, interface_address, UV_LEAVE_GROUP);
}

void Udp::set_multicast_loop(bool on) {
    check(uv_udp_set_multicast_loop(&block_->handle, on ? 1 : 0), "set whether own multicasts come back");
}

void Udp::set_multicast_ttl(int hops) {
    check(uv_udp_set_multicast_ttl(&block_->handle, hops), "set the hops of multicasts");
}

void Udp::set_multicast_interface(const std::string& interface_address) {
    check(uv_udp_set_multicast_interface(&block_->handle, text_or_null(interface_address)),
          "send multicasts from " + interface_address);
}

int Udp::start_receiving(DatagramReader& reader) noexcept {
    Block& block = *block_;
    block.reader = &reader;
    const auto on_alloc = [](uv_handle_t* h, std::size_t, uv_buf_t* buf) noexcept {
        Block& of = Block::of(h);
        const std::size_t pieces = uv_udp_using_recvmmsg(&of.handle) != 0 ? Block::pieces : 1;
        if (!of.memory) of.memory.reset(new (std::nothrow) char[pieces * Block::piece]);
        buf->base = of.memory.get();
        buf->len = static_cast<decltype(buf->len)>(of.memory ? pieces * Block::piece : 0);
    };
    const auto on_receive = [](uv_udp_t* h, ssize_t count, const uv_buf_t* buf, const sockaddr* from,
                               unsigned flags) noexcept {
        DatagramReader& to = *Block::of(h).reader;
        if (count < 0) {
            to.failed(static_cast<int>(count));
        } else if (from != nullptr) {
            sockaddr_storage storage{};
            std::memcpy(&storage, from,
                        from->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
            to.received({reinterpret_cast<const std::byte*>(buf->base), static_cast<std::size_t>(count)},
                        AddressAccess::from(storage), (flags & UV_UDP_PARTIAL) != 0);
        }
        // libuv forgets the rest of what one call has brought if it is stopped in the midst of that.
        if ((flags & UV_UDP_MMSG_CHUNK) == 0 && !to.wants_more()) uv_udp_recv_stop(h);
    };
    const int status = uv_udp_recv_start(&block.handle, on_alloc, on_receive);
    return status == UV_EALREADY ? 0 : status;
}

int Udp::try_send(std::span<const std::byte> data, const Address* to) noexcept {
    const uv_buf_t buf = buffer(data);
    sockaddr_storage storage{};
    if (to != nullptr) storage = AddressAccess::to(*to);
    const int status = uv_udp_try_send(&block_->handle, &buf, 1,
                                       to != nullptr ? reinterpret_cast<const sockaddr*>(&storage) : nullptr);
    return status < 0 ? status : 0;
}

bool Udp::no_room(int status) noexcept { return status == UV_EAGAIN; }

int Udp::queue(std::span<const std::byte> data, const Address* to) {
    auto send = std::make_unique<SendRequest>();
    send->data.assign(data.begin(), data.end());
    send->request.data = send.get();
    const uv_buf_t buf = buffer(send->data);
    sockaddr_storage storage{};
    if (to != nullptr) {
        storage = AddressAccess::to(*to);
        send->to = *to;
    }
    const auto on_sent = [](uv_udp_send_t* request, int status) noexcept {
        const std::unique_ptr<SendRequest> done(static_cast<SendRequest*>(request->data));
        const Block& block = Block::of(request->handle);
        if (block.open && block.sent.function != nullptr)
            block.sent.function(block.sent.context, status, done->to);
    };
    const int status =
        uv_udp_send(&send->request, &block_->handle, &buf, 1,
                    to != nullptr ? reinterpret_cast<const sockaddr*>(&storage) : nullptr, on_sent);
    if (status == 0) static_cast<void>(send.release());
    return status;
}

std::size_t Udp::send_queue_size() const noexcept { return uv_udp_get_send_queue_size(&block_->handle); }

void Udp::on_sent(SendHandler handler) noexcept { block_->sent = handler; }

} // namespace aio::uv
