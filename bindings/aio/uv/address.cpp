#include <aio/uv/address.hpp>

#include <aio/uv/detail/address_access.hpp>
#include <aio/uv/error.hpp>

namespace aio::uv {

Address::Address(std::string_view ip, std::uint16_t port) {
    const std::string text(ip);
    // Where libuv would take it to end.
    if (text.find('\0') != std::string::npos) throw_error(UV_EINVAL, "not an IP address: a null character");
    sockaddr_storage storage{};
    sockaddr_in in{};
    sockaddr_in6 in6{};
    if (uv_ip4_addr(text.c_str(), port, &in) == 0) {
        std::memcpy(&storage, &in, sizeof in);
    } else {
        check(uv_ip6_addr(text.c_str(), port, &in6), "not an IP address: \"" + text + "\"");
        std::memcpy(&storage, &in6, sizeof in6);
    }
    *this = AddressAccess::from(storage);
}

std::string Address::ip() const {
    char text[64];
    if (uv_inet_ntop(ipv6_ ? AF_INET6 : AF_INET, bytes_.data(), text, sizeof text) != 0) return {};
    return text;
}

std::string Address::to_string() const {
    return (ipv6_ ? "[" + ip() + "]" : ip()) + ":" + std::to_string(port_);
}

} // namespace aio::uv
