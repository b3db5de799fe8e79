#pragma once

/// A TCP connection.

#include <aio/uv/address.hpp>
#include <aio/uv/descriptor.hpp>
#include <aio/uv/stream.hpp>

namespace aio::uv {

class Loop;

/// A TCP stream: connect it, or adopt a descriptor that a `Listener` accepted.
class Tcp final : public Stream {
public:
    /// Not connected yet.
    explicit Tcp(Loop& loop);
    /// Adopts a connected socket. Throws `std::system_error` if it is not one; the descriptor is closed then.
    Tcp(Loop& loop, Descriptor socket);

    /// Binds to a local address, before connecting. Returns 0 or a libuv error.
    int bind(const Address& address) noexcept;
    /// Connects. `done` is told 0 or why not. On a negative result it is not called.
    int connect(const Address& address, Completion& done) noexcept;

    /// Throws `std::system_error` when not connected.
    [[nodiscard]] Address local_address() const;
    [[nodiscard]] Address peer_address() const;

    /// Sends small writes at once instead of waiting for the peer's acknowledgement of earlier ones. Returns
    /// 0 or a libuv error.
    int set_no_delay(bool on) noexcept;
    /// Probes a silent peer after `idle_seconds`. Returns 0 or a libuv error.
    int set_keep_alive(bool on, unsigned idle_seconds = 60) noexcept;
    /// Closes with a reset instead of an orderly end: the peer's next read fails with connection_reset.
    void reset() noexcept;
};

} // namespace aio::uv
