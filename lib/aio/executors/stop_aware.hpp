#pragma once

/// Functions for worker processes that take a `std::stop_token` first: the token is none of the arguments
/// that travel, but is taken from the worker when the call is made there.

#include <stop_token>
#include <type_traits>
#include <utility>

#include <aio/executors/call_traits.hpp>
#include <aio/workers/remote_call.hpp>
#include <aio/workers/worker_task.hpp>

namespace aio::detail {

/// A functor with fields, which travel as they do without this.
template <class F>
struct StopAwareFields {
    F function;
    template <class... Args>
        requires std::is_invocable_v<F&, std::stop_token, Args...>
    decltype(auto) operator()(Args&&... args) {
        return function(worker_task().stop_token(), std::forward<Args>(args)...);
    }
};

/// A captureless lambda or an empty functor.
template <class F>
struct StopAwareStateless {
    template <class... Args>
        requires std::is_invocable_v<F&, std::stop_token, Args...>
    decltype(auto) operator()(Args&&... args) {
        F function{};
        return function(worker_task().stop_token(), std::forward<Args>(args)...);
    }
};

/// A function pointer.
template <class F>
class StopAwareFunction {
public:
    explicit StopAwareFunction(F pointer) noexcept : function_(pointer) {}
    [[nodiscard]] F function() const noexcept { return function_; }

    template <class... Args>
        requires std::is_invocable_v<F&, std::stop_token, Args...>
    decltype(auto) operator()(Args&&... args) {
        return function_(worker_task().stop_token(), std::forward<Args>(args)...);
    }

private:
    F function_;
};

/// The functor that calls `function` with the worker's token.
template <class F>
auto stop_aware(F&& function) {
    using Function = std::decay_t<F>;
    if constexpr (callable_kind<Function>() == CallableKind::function)
        return StopAwareFunction<Function>(function);
    else if constexpr (callable_kind<Function>() == CallableKind::stateless)
        return StopAwareStateless<Function>();
    else
        return StopAwareFields<Function>{std::forward<F>(function)};
}

} // namespace aio::detail

template <class F>
struct aio::Codec<aio::detail::StopAwareFunction<F>> {
    static void encode(ByteWriter& out, const detail::StopAwareFunction<F>& function) {
        detail::encode_callable<F>(out, function.function());
    }
    static detail::StopAwareFunction<F> decode(ByteReader& in) {
        return detail::StopAwareFunction<F>(detail::decode_callable<F>(in));
    }
};
