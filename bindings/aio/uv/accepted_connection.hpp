#pragma once

/// What a listener gives.

#include <optional>
#include <utility>

#include <aio/uv/address.hpp>
#include <aio/uv/descriptor.hpp>

namespace aio::uv {

/// A connection that a listener has taken. Its descriptor is non-blocking and closed on exec.
class AcceptedConnection {
public:
    AcceptedConnection() noexcept = default;
    AcceptedConnection(Descriptor descriptor, const std::optional<Address>& peer) noexcept
        : descriptor_(std::move(descriptor)), peer_(peer) {}
    [[nodiscard]] bool valid() const noexcept { return descriptor_.valid(); }
    [[nodiscard]] Descriptor take_descriptor() noexcept { return std::move(descriptor_); }
    /// Who has connected; none for a Unix domain socket. The system itself forgets it when the connection
    /// breaks.
    [[nodiscard]] const std::optional<Address>& peer() const noexcept { return peer_; }

private:
    Descriptor descriptor_;
    std::optional<Address> peer_;
};

} // namespace aio::uv
