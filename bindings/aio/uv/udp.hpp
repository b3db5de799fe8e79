#pragma once

/// UDP sockets.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include <aio/uv/address.hpp>
#include <aio/uv/descriptor.hpp>

namespace aio::uv {

class Loop;

/// How a UDP socket is bound.
class UdpBindOptions {
public:
    UdpBindOptions() noexcept = default;
    /// Several sockets may have the address: each gets all that is multicast to it.
    UdpBindOptions& reuse_address(bool on) noexcept { return reuse_address_ = on, *this; }
    /// An IPv6 socket takes no IPv4.
    UdpBindOptions& ipv6_only(bool on) noexcept { return ipv6_only_ = on, *this; }

    [[nodiscard]] bool reuse_address() const noexcept { return reuse_address_; }
    [[nodiscard]] bool ipv6_only() const noexcept { return ipv6_only_; }

private:
    bool reuse_address_ = false;
    bool ipv6_only_ = false;
};

/// Receives what a UDP socket gets.
class DatagramReader {
public:
    /// A datagram has come; the bytes must be copied before this returns. `truncated`: it was larger than 64
    /// KiB. The socket must not be closed in here.
    virtual void received(std::span<const std::byte> data, const Address& from, bool truncated) noexcept = 0;
    /// Something is wrong, with an earlier send perhaps; receiving goes on.
    virtual void failed(int status) noexcept = 0;
    /// Asked when all that one system call brought has been told: false stops receiving, until
    /// `start_receiving`.
    virtual bool wants_more() noexcept = 0;

protected:
    DatagramReader() = default;
    ~DatagramReader() = default;
};

/// Owns a UDP socket; not movable. Several datagrams are received with one system call where the system can
/// do that (Linux). Bytes of a send that is under way belong to a block that outlives this object.
class Udp {
public:
    explicit Udp(Loop& loop);
    /// Adopts a UDP socket, bound or connected, which becomes non-blocking. Throws `std::system_error`.
    Udp(Loop& loop, Descriptor socket);
    /// Closes it. No callback comes any more; sends that are queued are dropped.
    ~Udp();
    Udp(const Udp&) = delete;
    Udp& operator=(const Udp&) = delete;

    /// Throws `std::system_error` naming the address, as the others do.
    void bind(const Address& address, const UdpBindOptions& options = UdpBindOptions());
    void connect(const Address& address);
    [[nodiscard]] Address local_address() const;
    [[nodiscard]] Address peer_address() const;

    void set_broadcast(bool on);
    /// 1 to 255 hops.
    void set_ttl(int hops);
    /// `group` is a multicast address, `interface` an address of this machine, or empty for any.
    void join_group(const std::string& group, const std::string& interface_address);
    void leave_group(const std::string& group, const std::string& interface_address);
    void set_multicast_loop(bool on);
    void set_multicast_ttl(int hops);
    void set_multicast_interface(const std::string& interface_address);

    /// Begins to receive, or goes on. Returns 0 or a negative libuv error.
    int start_receiving(DatagramReader& reader) noexcept;

    /// Sends at once: 0, UV_EAGAIN when the system has no room, or another negative error. `to` is null on a
    /// connected socket.
    int try_send(std::span<const std::byte> data, const Address* to) noexcept;
    /// Whether a result of `try_send` says that there is no room now.
    [[nodiscard]] static bool no_room(int status) noexcept;
    /// Copies the datagram and sends it when there is room. Returns 0 or a negative error.
    int queue(std::span<const std::byte> data, const Address* to);
    /// Bytes that are queued.
    [[nodiscard]] std::size_t send_queue_size() const noexcept;
    /// Is told, as a callback, whenever a queued datagram has left or failed (`status`), and where it was to
    /// go, if that was said; one function.
    struct SendHandler {
        using Function = void (*)(void* context, int status, const std::optional<Address>& to) noexcept;
        Function function = nullptr;
        void* context = nullptr;
    };
    void on_sent(SendHandler handler) noexcept;

private:
    struct Block;
    Block* block_;
};

} // namespace aio::uv
