#pragma once

/// Which callables executors take, and what comes of a call.
///
/// A callable that cannot be called with the arguments alone, but with a `std::stop_token` in front of them,
/// gets one:
///
///     long search(std::stop_token stop, std::string text);
///     auto found = loop.run_in_executor(threads, search, text);
///     found.cancel();     // the future is cancelled; `search` sees stop.stop_requested()

#include <concepts>
#include <functional>
#include <stop_token>
#include <type_traits>

namespace aio {
namespace detail {

/// Of decayed types: the call needs a token in front of its arguments.
// The form without a token is looked at first, so that the body of a generic lambda that takes anything is
// not instantiated for a token.
template <class F, class... Args>
inline constexpr bool wants_stop_token = std::conjunction_v<std::negation<std::is_invocable<F&, Args...>>,
                                                            std::is_invocable<F&, std::stop_token, Args...>>;

// Without a type for what cannot be called, so that overloads are left out and do not fail.
template <class F, class... Args>
struct ExecutorCallResult : std::invoke_result<F&, Args...> {};
template <class F, class... Args>
    requires wants_stop_token<F, Args...>
struct ExecutorCallResult<F, Args...> : std::invoke_result<F&, std::stop_token, Args...> {};

/// What a call of `F` with `Args` gives.
template <class F, class... Args>
using CallValue = typename ExecutorCallResult<std::decay_t<F>, std::decay_t<Args>...>::type;

/// The type to name a callable by, where it is wrapped in one of the library.
template <class F>
struct CallableIdentity {
    using Type = F;
};

} // namespace detail

/// `f(args...)`, or `f(stop_token, args...)`, can be called with copies of `args` as rvalues.
template <class F, class... Args>
concept ExecutorCallable = std::is_invocable_v<std::decay_t<F>&, std::decay_t<Args>...> ||
                           detail::wants_stop_token<std::decay_t<F>, std::decay_t<Args>...>;

} // namespace aio
