#include <aio/uv/tcp.hpp>

#include <aio/uv/detail/address_access.hpp>
#include <aio/uv/detail/stream_block.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {
namespace {

using detail::StreamBlock;

StreamBlock* create(Loop& loop) {
    return StreamBlock::create(loop, "create a TCP handle",
                               [&](StreamBlock::Handle& h) { return uv_tcp_init(loop.native(), &h.tcp); });
}

template <class GetName>
Address name_of(const StreamBlock* block, GetName get_name, const char* what) {
    if (block == nullptr) throw_error(UV_EBADF, what);
    sockaddr_storage storage{};
    int size = sizeof storage;
    check(get_name(&block->handle.tcp, reinterpret_cast<sockaddr*>(&storage), &size), what);
    return AddressAccess::from(storage);
}

} // namespace

Tcp::Tcp(Loop& loop) : Stream(create(loop)) {}

Tcp::Tcp(Loop& loop, Descriptor socket) : Tcp(loop) {
    check(uv_tcp_open(&block_->handle.tcp, static_cast<uv_os_sock_t>(socket.get())), "adopt a TCP socket");
    static_cast<void>(socket.release());
}

int Tcp::bind(const Address& address) noexcept {
    const sockaddr_storage storage = AddressAccess::to(address);
    return uv_tcp_bind(&block_->handle.tcp, reinterpret_cast<const sockaddr*>(&storage), 0);
}

int Tcp::connect(const Address& address, Completion& done) noexcept {
    const sockaddr_storage storage = AddressAccess::to(address);
    block_->connect_done = &done;
    const int status = uv_tcp_connect(
        &block_->connect_request, &block_->handle.tcp, reinterpret_cast<const sockaddr*>(&storage),
        [](uv_connect_t* request, int result) noexcept {
            StreamBlock& block = StreamBlock::of(request->handle->data);
            if (Completion* waiting = std::exchange(block.connect_done, nullptr)) (*waiting)(result);
        });
    if (status < 0) block_->connect_done = nullptr;
    return status;
}

Address Tcp::local_address() const {
    return name_of(block_, uv_tcp_getsockname, "get the local address of a TCP socket");
}

Address Tcp::peer_address() const {
    return name_of(block_, uv_tcp_getpeername, "get the peer's address of a TCP socket");
}

int Tcp::set_no_delay(bool on) noexcept { return uv_tcp_nodelay(&block_->handle.tcp, on ? 1 : 0); }

int Tcp::set_keep_alive(bool on, unsigned idle_seconds) noexcept {
    return uv_tcp_keepalive(&block_->handle.tcp, on ? 1 : 0, idle_seconds);
}

void Tcp::reset() noexcept {
    StreamBlock* const block = std::exchange(block_, nullptr);
    if (block != nullptr) block->reset();
}

} // namespace aio::uv
