#pragma once

/// What `acquire`, `wait` and their like return.

#include <aio/core/foreign_await.hpp>

namespace aio::detail {

/// An operation that has not begun: it begins when it is awaited. Awaiters cannot be moved, because they are
/// linked into queues; this can, so that it can be given to `wait_for` or `gather`. Refers to its owner.
template <class Awaiter, class Owner>
class [[nodiscard("nothing happens until this is awaited")]] Operation {
public:
    explicit Operation(Owner& owner) noexcept : owner_(&owner) {}
    Awaiter operator co_await() const noexcept { return Awaiter(*owner_); }

private:
    Owner* owner_;
};

} // namespace aio::detail
