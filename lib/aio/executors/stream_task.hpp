#pragma once

/// Functions for worker processes that give many items: the functor that travels in their place, makes the
/// call, and emits what comes of it.

#include <functional>
#include <ranges>
#include <type_traits>
#include <utility>

#include <aio/workers/emit.hpp>
#include <aio/workers/remote_call.hpp>

namespace aio::detail {

/// The item type of an `Emit<T>`, or void.
template <class Parameter>
struct EmittedType {
    using Type = void;
};
template <class T>
struct EmittedType<Emit<T>> {
    using Type = T;
};

/// The same for the first parameter of a callable that says what its parameters are.
template <class F>
struct EmittedItem {
    using Type = void;
};
template <class F>
    requires requires { &F::operator(); }
struct EmittedItem<F> : EmittedItem<decltype(&F::operator())> {};
template <class R, class First, class... Rest>
struct EmittedItem<R (*)(First, Rest...)> : EmittedType<std::remove_cvref_t<First>> {};
template <class R, class First, class... Rest>
struct EmittedItem<R (*)(First, Rest...) noexcept> : EmittedType<std::remove_cvref_t<First>> {};
template <class T, class R, class First, class... Rest>
struct EmittedItem<R (T::*)(First, Rest...)> : EmittedType<std::remove_cvref_t<First>> {};
template <class T, class R, class First, class... Rest>
struct EmittedItem<R (T::*)(First, Rest...) const> : EmittedType<std::remove_cvref_t<First>> {};
template <class T, class R, class First, class... Rest>
struct EmittedItem<R (T::*)(First, Rest...) noexcept> : EmittedType<std::remove_cvref_t<First>> {};
template <class T, class R, class First, class... Rest>
struct EmittedItem<R (T::*)(First, Rest...) const noexcept> : EmittedType<std::remove_cvref_t<First>> {};

/// How a function gives its items.
enum class StreamKind { emits, returns_range, refused };

template <class F, class... Wire>
consteval StreamKind stream_kind() {
    using Emitted = typename EmittedItem<F>::Type;
    if constexpr (!std::is_void_v<Emitted>) {
        return std::is_invocable_v<F&, Emit<Emitted>&, Wire...> ? StreamKind::emits : StreamKind::refused;
    } else if constexpr (std::is_invocable_v<F&, Wire...>) {
        using Result = std::invoke_result_t<F&, Wire...>;
        if constexpr (std::ranges::input_range<Result>)
            return Encodable<std::ranges::range_value_t<Result>> ? StreamKind::returns_range
                                                                 : StreamKind::refused;
        else
            return StreamKind::refused;
    } else {
        return StreamKind::refused;
    }
}

template <class F, StreamKind Kind, class... Wire>
struct StreamItem {
    using Type = typename EmittedItem<F>::Type;
};
template <class F, class... Wire>
struct StreamItem<F, StreamKind::returns_range, Wire...> {
    using Type = std::ranges::range_value_t<std::invoke_result_t<F&, Wire...>>;
};

/// `Wire` are the types as which the arguments arrive.
template <class F, class... Wire>
class StreamTask {
public:
    static constexpr StreamKind kind = stream_kind<F, Wire...>();
    using Item = typename StreamItem<F, kind, Wire...>::Type;

    explicit StreamTask(F callable) : function_(std::move(callable)) {}
    [[nodiscard]] const F& function() const noexcept { return function_; }

    void operator()(Wire... arguments)
        requires(kind != StreamKind::refused)
    {
        Emit<Item> emit(task_item_sink());
        if constexpr (kind == StreamKind::emits) {
            std::invoke(function_, emit, std::move(arguments)...);
        } else {
            for (auto&& item : std::invoke(function_, std::move(arguments)...))
                emit(std::forward<decltype(item)>(item));
        }
    }

private:
    F function_;
};

/// Fails to compile, with the reason.
template <class F, class... Args>
consteval void explain_stream_refusal() {
    static_assert(callable_kind<F>() != CallableKind::refused,
                  "this callable cannot be sent to another process. If it is a lambda with captures: pass "
                  "the captured values as arguments after the emit parameter of a captureless lambda, or "
                  "write a struct with the values as fields and an operator().");
    (explain_argument<Args>(), ...);
    static_assert(stream_kind<F, transferred_t<Args>...>() != StreamKind::refused,
                  "a function whose items are streamed takes an aio::Emit<T> and then these arguments, as "
                  "they arrive (as rvalues, views as what owns the same), or it returns a range of "
                  "encodable items. A generic lambda cannot take the Emit as auto.");
}

} // namespace aio::detail

template <class F, class... Wire>
    requires(aio::detail::callable_kind<F>() != aio::detail::CallableKind::refused)
struct aio::Codec<aio::detail::StreamTask<F, Wire...>> {
    static void encode(ByteWriter& out, const detail::StreamTask<F, Wire...>& task) {
        // Such a codec must write something.
        out.append_scalar(std::uint8_t{0});
        detail::encode_callable<F>(out, task.function());
    }
    static detail::StreamTask<F, Wire...> decode(ByteReader& in) {
        static_cast<void>(in.read_scalar<std::uint8_t>());
        return detail::StreamTask<F, Wire...>(detail::decode_callable<F>(in));
    }
};
