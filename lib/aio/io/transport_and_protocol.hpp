#pragma once

/// `TransportAndProtocol`: what `create_connection` and its like give.

#include <cstddef>
#include <exception>
#include <tuple>
#include <type_traits>
#include <utility>

#include <aio/core/coro.hpp>
#include <aio/core/errors.hpp>
#include <aio/core/future.hpp>
#include <aio/core/ref.hpp>

namespace aio {

/// A transport and its first protocol. Both can be used as long as this is there, also when the connection is
/// lost; destroying it closes nothing. `auto [transport, protocol] = ...` names the two.
template <class T, class P>
class TransportAndProtocol {
public:
    TransportAndProtocol(detail::Ref<T> t, P& p) noexcept : transport_(std::move(t)), protocol_(&p) {}
    [[nodiscard]] T& transport() const noexcept { return *transport_; }
    /// The protocol that the factory gave.
    [[nodiscard]] P& protocol() const noexcept { return *protocol_; }

    template <std::size_t I>
    [[nodiscard]] auto& get() const noexcept {
        if constexpr (I == 0)
            return *transport_;
        else
            return *protocol_;
    }

private:
    detail::Ref<T> transport_;
    P* protocol_;
};

namespace detail {

/// Waits for `connection_made`, which has not been called yet. Cancelled before: closes the transport.
template <class T>
Coro<> until_made(Ref<T> transport) {
    const Future<> made = transport->made();
    std::exception_ptr cancelled;
    try {
        co_await made;
    } catch (const CancelledError&) {
        cancelled = std::current_exception();
    }
    if (!cancelled) co_return;
    transport->close();
    std::rethrow_exception(cancelled);
}

} // namespace detail
} // namespace aio

template <class T, class P>
struct std::tuple_size<aio::TransportAndProtocol<T, P>> : std::integral_constant<std::size_t, 2> {};
template <class T, class P>
struct std::tuple_element<0, aio::TransportAndProtocol<T, P>> {
    using type = T&;
};
template <class T, class P>
struct std::tuple_element<1, aio::TransportAndProtocol<T, P>> {
    using type = P&;
};
