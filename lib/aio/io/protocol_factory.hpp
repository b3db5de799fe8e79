#pragma once

/// Not for users: what makes protocols, and who owns them then.

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include <aio/core/errors.hpp>

namespace aio::detail {

/// What a factory's result says: the type of the protocol, and that its transport owns it, or not.
template <class Result>
struct FactoryResult {};
template <class P>
struct FactoryResult<std::unique_ptr<P>> {
    using Protocol = P;
};
template <class P>
struct FactoryResult<P&> {
    using Protocol = P;
};

template <class F>
using ProtocolOf = typename FactoryResult<std::invoke_result_t<F&>>::Protocol;

/// A function that gives a `std::unique_ptr` to a protocol derived from `Base`, or a reference to one of the
/// program's.
template <class F, class Base>
concept ProtocolFactory =
    std::invocable<F&> && requires { typename ProtocolOf<F>; } && std::derived_from<ProtocolOf<F>, Base>;

/// A protocol for a transport to begin with.
template <class P>
class MadeProtocol {
public:
    explicit MadeProtocol(P& p) noexcept : protocol_(&p) {}
    explicit MadeProtocol(std::unique_ptr<P> p) : protocol_(p.get()), owned_(std::move(p)) {
        if (protocol_ == nullptr) throw ValueError("a protocol factory has given no protocol");
    }
    [[nodiscard]] P& protocol() const noexcept { return *protocol_; }
    /// Null if the program owns it.
    [[nodiscard]] std::unique_ptr<P> take() noexcept { return std::move(owned_); }

private:
    P* protocol_;
    std::unique_ptr<P> owned_;
};

template <class F>
MadeProtocol<ProtocolOf<F>> make_protocol(F& factory) {
    return MadeProtocol<ProtocolOf<F>>(std::invoke(factory));
}

} // namespace aio::detail
