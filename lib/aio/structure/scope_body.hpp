#pragma once

/// How `with_task_group` and its like run the body that they are given.
///
/// `co_await` is not allowed in a `catch` block, and a scope must await before it rethrows. So the body's end
/// is kept, value or exception, and the scope decides afterwards.

#include <concepts>
#include <exception>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include <aio/core/awaitable.hpp>
#include <aio/core/coro.hpp>

namespace aio::detail {

/// A body of a scope: called with the scope, it gives a coroutine.
template <class Body, class Scope>
concept ScopeBody = std::invocable<std::decay_t<Body>&, Scope&> &&
                    IsAwaitable<std::invoke_result_t<std::decay_t<Body>&, Scope&>>;

template <class Body, class Scope>
using ScopeResult = await_result_t<std::invoke_result_t<std::decay_t<Body>&, Scope&>>;

/// The result of a body that may have ended without one.
template <class T>
class BodyResult {
public:
    BodyResult() = default;
    std::optional<Stored<T>> value;
    std::exception_ptr error;
};

/// Runs a body to its end and keeps what came of it.
template <class T, class Body, class Scope>
Coro<> run_body(Body& body, Scope& scope, BodyResult<T>& result) {
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::invoke(body, scope);
            result.value.emplace();
        } else {
            result.value.emplace(wrap_stored<T>(co_await std::invoke(body, scope)));
        }
    } catch (...) {
        result.error = std::current_exception();
    }
}

} // namespace aio::detail
