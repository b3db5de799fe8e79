#pragma once

/// `ensure_future`: whatever can be awaited, as something that runs on its own (`asyncio.ensure_future`).

#include <source_location>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/awaitable.hpp>
#include <aio/core/event_loop.hpp>

namespace aio {

/// A task or future is returned as it is; a coroutine, or any other awaitable, becomes a task of the running
/// loop.
template <class A>
    requires Awaitable<A>
[[nodiscard]] auto ensure_future(A&& awaitable,
                                 const std::source_location& created = std::source_location::current()) {
    if constexpr (detail::is_future<std::remove_cvref_t<A>>)
        return std::remove_cvref_t<A>(std::forward<A>(awaitable));
    else
        return create_task(detail::as_coro(std::forward<A>(awaitable)), TaskOptions(), created);
}

namespace detail {

/// Waits until a future is done, whatever comes of it. Cancelling the wait leaves the future alone.
class UntilDone final : public Suspension, public FutureCallback {
public:
    explicit UntilDone(FutureState& future) noexcept : future_(&future) {}
    [[nodiscard]] bool await_ready() const noexcept { return future_->done(); }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> caller) noexcept {
        suspend(caller);
        future_->add_callback(*this);
    }
    void await_resume() { throw_if_cancelled(); }
    [[nodiscard]] std::string description() const override { return describe_future(*future_); }

private:
    void on_done() noexcept override { wake(); }
    void on_abandoned() noexcept override {}
    void list_waiters(std::vector<FutureState*>& waiters) const override {
        waiters.push_back(waiting_future());
    }
    bool on_cancel(const std::string&) noexcept override {
        unlink();
        return wake_cancelled();
    }
    Ref<FutureState> future_;
};

[[nodiscard]] inline UntilDone until_done(FutureState& future) noexcept { return UntilDone(future); }

} // namespace detail
} // namespace aio
