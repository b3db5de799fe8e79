#pragma once

/// `shield`: protects work from a cancellation of whoever waits for it (`asyncio.shield`).
///
///     co_await aio::shield(commit(transaction));
///
/// If the awaiting task is cancelled, its await ends with `CancelledError`, but the shielded work runs on as
/// a task. Nobody waits for it then; keep a `Task` for it if its end matters. The end of the loop still
/// cancels it.

#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>
#include <aio/structure/ensure_future.hpp>
#include <aio/structure/gather.hpp>
#include <aio/structure/queued_callback.hpp>

namespace aio {
namespace detail {

/// Carries the end of the inner task to the outer future.
class ShieldBridge : public QueuedCallback {
protected:
    explicit ShieldBridge(FutureState& outer) : outer_(&outer) {}
    /// The inner task has a value and the outer future is pending.
    virtual void transfer_value(FutureState& inner, FutureState& outer) = 0;

private:
    void call(Ref<FutureState> future) final;
    void list_waiters(std::vector<FutureState*>& waiters) const final { waiters.push_back(outer_.get()); }
    Ref<FutureState> outer_;
};

template <class T>
class ShieldBridgeOf final : public ShieldBridge {
public:
    explicit ShieldBridgeOf(FutureState& outer) : ShieldBridge(outer) {}

private:
    void transfer_value(FutureState& inner, FutureState& outer) override {
        static_cast<FutureStateOf<T>&>(outer).set_value(collect_value<T>(inner));
    }
};

} // namespace detail

/// Runs `awaitable`, a coroutine as a task of the running loop, and gives a future that ends as it does.
/// Cancelling that future does not cancel `awaitable`; if `awaitable` is cancelled, so is the future. An
/// exception of `awaitable` after the future was cancelled goes to the loop's exception handler. Something
/// that is done already is returned as it is.
template <class A>
    requires Awaitable<A>
[[nodiscard]] auto shield(A&& awaitable,
                          const std::source_location& created = std::source_location::current())
    -> Future<await_result_t<std::remove_cvref_t<A>>> {
    using T = await_result_t<std::remove_cvref_t<A>>;
    detail::Ref<detail::FutureState> inner(&ensure_future(std::forward<A>(awaitable), created).state());
    if (inner->done()) return Future<T>(std::move(inner));
    detail::Ref<detail::FutureState> outer(new detail::FutureStateOf<T>(inner->loop()));
    (new detail::ShieldBridgeOf<T>(*outer))->watch(*inner);
    return Future<T>(std::move(outer));
}

} // namespace aio
