#pragma once

/// How exceptions that are kept as `std::exception_ptr` are matched by type, and given to handlers.

#include <concepts>
#include <exception>
#include <functional>
#include <type_traits>
#include <vector>

namespace aio {

class ExceptionGroup;

namespace detail {

/// Whether an exception is of type `E` or derived from it.
template <class E>
[[nodiscard]] bool is_error(const std::exception_ptr& error) noexcept {
    try {
        std::rethrow_exception(error);
    } catch (const E&) {
        return true;
    } catch (...) {
        return false;
    }
}

/// The parameter type of a callable with one parameter and no overloads.
template <class F>
struct ParameterOf {};
template <class R, class A>
struct ParameterOf<R (*)(A)> {
    using Type = A;
};
template <class R, class A>
struct ParameterOf<R (*)(A) noexcept> {
    using Type = A;
};
template <class R, class C, class A>
struct ParameterOf<R (C::*)(A)> {
    using Type = A;
};
template <class R, class C, class A>
struct ParameterOf<R (C::*)(A) const> {
    using Type = A;
};
template <class R, class C, class A>
struct ParameterOf<R (C::*)(A) noexcept> {
    using Type = A;
};
template <class R, class C, class A>
struct ParameterOf<R (C::*)(A) const noexcept> {
    using Type = A;
};
template <class F>
    requires requires { &F::operator(); }
struct ParameterOf<F> : ParameterOf<decltype(&F::operator())> {};

template <class F>
concept TellsParameter = requires { typename ParameterOf<F>::Type; };

/// The type of exception that a handler takes.
template <class Handler>
struct HandledTypeOf {
    using F = std::decay_t<Handler>;
    static_assert(TellsParameter<F>,
                  "a handler of ExceptionGroup::handle has one parameter with a type, const E&; for a "
                  "callable with auto or overloads write handle<E>(handler)");
    using Type = std::remove_cvref_t<typename ParameterOf<F>::Type>;
    static_assert(!std::derived_from<Type, ExceptionGroup>,
                  "handlers are given the errors in a group; groups are only their structure");
};
template <class Handler>
using HandledType = typename HandledTypeOf<Handler>::Type;

/// Calls the handler if the exception is of type `E`; says whether it was. What the handler throws passes.
template <class E, class Handler>
bool offer_error(const std::exception_ptr& error, Handler& handler) {
    if constexpr (std::same_as<E, std::exception_ptr>) {
        std::invoke(handler, error);
        return true;
    } else {
        try {
            std::rethrow_exception(error);
        } catch (const E& e) {
            std::invoke(handler, e);
            return true;
        } catch (...) {
            return false;
        }
    }
}

/// In a `catch` block, for what the handler of `error` has thrown: false if that is `error` itself, true if
/// it has been added to `thrown`. Control flow (`CancelledError`, `BaseError`) is thrown on.
bool keep_thrown(const std::exception_ptr& error, std::vector<std::exception_ptr>& thrown);

} // namespace detail
} // namespace aio
