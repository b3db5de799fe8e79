#pragma once

/// Not installed: between `Address` and the system's socket addresses.

#include <cstring>
#include <optional>

#include <uv.h>

#include <aio/uv/address.hpp>

namespace aio::uv {

struct AddressAccess {
    static Address from(const sockaddr_storage& storage) noexcept {
        Address address;
        if (storage.ss_family == AF_INET6) {
            sockaddr_in6 in6;
            std::memcpy(&in6, &storage, sizeof in6);
            std::memcpy(address.bytes_.data(), &in6.sin6_addr, 16);
            address.port_ = ntohs(in6.sin6_port);
            address.scope_ = in6.sin6_scope_id;
            address.ipv6_ = true;
        } else if (storage.ss_family == AF_INET) {
            sockaddr_in in;
            std::memcpy(&in, &storage, sizeof in);
            std::memcpy(address.bytes_.data(), &in.sin_addr, 4);
            address.port_ = ntohs(in.sin_port);
        }
        return address;
    }

    /// None for addresses of other families.
    static std::optional<Address> if_internet(const sockaddr_storage& storage) noexcept {
        if (storage.ss_family != AF_INET && storage.ss_family != AF_INET6) return std::nullopt;
        return from(storage);
    }

    static sockaddr_storage to(const Address& address) noexcept {
        sockaddr_storage storage{};
        if (address.ipv6_) {
            sockaddr_in6 in6{};
            in6.sin6_family = AF_INET6;
            in6.sin6_port = htons(address.port_);
            in6.sin6_scope_id = address.scope_;
            std::memcpy(&in6.sin6_addr, address.bytes_.data(), 16);
            std::memcpy(&storage, &in6, sizeof in6);
        } else {
            sockaddr_in in{};
            in.sin_family = AF_INET;
            in.sin_port = htons(address.port_);
            std::memcpy(&in.sin_addr, address.bytes_.data(), 4);
            std::memcpy(&storage, &in, sizeof in);
        }
        return storage;
    }
};

} // namespace aio::uv
