#pragma once

/// Where a TCP endpoint is: an IP address and a port.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace aio::uv {

/// An IPv4 or IPv6 address with a port. A small value; no name is ever resolved here.
class Address {
public:
    /// 0.0.0.0, port 0.
    Address() noexcept = default;
    /// Reads a numeric address: "127.0.0.1", "::1", "fe80::1%eth0". Throws `std::system_error`
    /// (invalid_argument) for anything else.
    Address(std::string_view ip, std::uint16_t port);

    [[nodiscard]] std::string ip() const;
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] bool is_ipv6() const noexcept { return ipv6_; }
    /// "127.0.0.1:80", "[::1]:80".
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const Address& a, const Address& b) noexcept = default;

private:
    friend struct AddressAccess;
    std::array<unsigned char, 16> bytes_{};
    std::uint32_t scope_ = 0;
    std::uint16_t port_ = 0;
    bool ipv6_ = false;
};

} // namespace aio::uv
