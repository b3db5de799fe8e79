#pragma once
// Remote calls: a function and its arguments as bytes, and back to a call in another process of the same
// build.
//
// What may be called: a function (or function pointer), a captureless lambda or other empty functor, or a
// functor struct whose fields are encodable, which is our closure:
//
//     struct Resize { int width; Image operator()(const std::string& file) const; };
//     encode_call(out, Resize{640}, "cat.png");
//
// A lambda with captures cannot travel, and the compiler says so. The address of a small generated function
// (the thunk), which knows all the types, travels as a CodeReference; with it a hash of the signature, which
// the thunk compares before it reads anything else.
//
// Arguments are copied as for std::thread: the callee gets rvalues of the decayed types. Views become what
// owns the same elements: `const char*` and string_view arrive as std::string, span<T> as std::vector<T>.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/workers/code_reference.hpp>
#include <aio/workers/codec.hpp>

namespace aio {

namespace detail {

template <class T>
struct Transferred {
    using Type = T;
};
template <>
struct Transferred<const char*> {
    using Type = std::string;
};
template <>
struct Transferred<char*> {
    using Type = std::string;
};
template <class Char, class Traits>
struct Transferred<std::basic_string_view<Char, Traits>> {
    using Type = std::basic_string<Char, Traits>;
};
template <class T, std::size_t Extent>
struct Transferred<std::span<T, Extent>> {
    using Type = std::vector<std::remove_const_t<T>>;
};

} // namespace detail

/// The type as which an argument of type T arrives in the other process.
template <class T>
using transferred_t = typename detail::Transferred<std::decay_t<T>>::Type;

namespace detail {

enum class CallableKind { function, stateless, fields, refused };

template <class F>
consteval CallableKind callable_kind() {
    if constexpr (std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>) {
        return CallableKind::function;
    } else if constexpr (!std::is_class_v<F>) {
        return CallableKind::refused;
    } else if constexpr (std::is_empty_v<F> && std::is_default_constructible_v<F>) {
        return CallableKind::stateless;
    } else if constexpr (Encodable<F>) {
        return CallableKind::fields;
    } else {
        return CallableKind::refused;
    }
}

template <class R>
concept TransferableResult = std::is_void_v<R> || (!std::is_reference_v<R> && Encodable<std::remove_cv_t<R>>);

template <class F, class... Wire>
consteval bool is_transferable() {
    if constexpr (callable_kind<F>() == CallableKind::refused || !(Encodable<Wire> && ...)) {
        return false;
    } else if constexpr (std::is_invocable_v<F, Wire...>) {
        return TransferableResult<std::invoke_result_t<F, Wire...>>;
    } else {
        return false;
    }
}

/// What the worker runs: reads the rest of the call from `in`, makes it, writes the result to `out`.
using CallThunk = void (*)(ByteReader& in, ByteWriter& out);

/// Throws RuntimeError unless the hash that comes next in `in` is `expected`.
void expect_signature(ByteReader& in, std::uint64_t expected);

template <class F, class... Wire>
consteval std::uint64_t signature_hash() {
    using Result = std::remove_cv_t<std::invoke_result_t<F, Wire...>>;
    std::uint64_t hash = hash_number(static_cast<std::uint64_t>(callable_kind<F>()), hash_text("call"));
    if constexpr (callable_kind<F>() == CallableKind::fields) {
        hash = hash_schema<F>(hash);
    }
    if constexpr (!std::is_void_v<Result>) {
        hash = hash_schema<Result>(hash);
    }
    return hash_schema<std::tuple<Wire...>>(hash);
}

template <class F>
void encode_callable(ByteWriter& out, const F& callable) {
    if constexpr (callable_kind<F>() == CallableKind::function) {
        const CodeReference reference = reference_to(callable);
        out.append_scalar(reference.module_id());
        out.append_scalar(reference.offset());
    } else if constexpr (callable_kind<F>() == CallableKind::fields) {
        aio::encode(out, callable);
    }
}

/// The function of a CodeReference that comes next in `in`.
[[nodiscard]] AnyFunction decode_function(ByteReader& in);

template <class F>
F decode_callable(ByteReader& in) {
    if constexpr (callable_kind<F>() == CallableKind::function) {
        return reinterpret_cast<F>(decode_function(in));
    } else if constexpr (callable_kind<F>() == CallableKind::fields) {
        return aio::decode<F>(in);
    } else {
        return F{};
    }
}

template <class T>
void encode_argument(ByteWriter& out, const T& argument) {
    using Decayed = std::decay_t<const T&>;
    if constexpr (std::same_as<Decayed, const char*> || std::same_as<Decayed, char*>) {
        const char* text = argument;
        if (text == nullptr) {
            throw ValueError("a null pointer to text cannot be sent to another process");
        }
        aio::encode(out, std::string_view(text));
    } else {
        aio::encode(out, argument);
    }
}

/// Whether `F` wants such arguments as they came, for a function that only it knows.
template <class F, class... Wire>
consteval bool takes_encoded() {
    if constexpr (requires { typename F::EncodedArguments; }) {
        return std::same_as<typename F::EncodedArguments, std::tuple<Wire...>>;
    } else {
        return false;
    }
}

/// Takes the arguments, which must be all that `in` still has, makes the call, and writes the result.
template <class F, class... Wire>
void call_encoded(F& callable, ByteReader& in, ByteWriter& out) {
    if constexpr (takes_encoded<F, Wire...>()) {
        callable.run_encoded(in, out);
    } else {
        auto arguments = Codec<std::tuple<Wire...>>::decode(in);
        in.expect_end();
        using Result = std::remove_cv_t<std::invoke_result_t<F, Wire...>>;
        if constexpr (std::is_void_v<Result>) {
            std::apply(std::move(callable), std::move(arguments));
        } else {
            aio::encode<Result>(out, std::apply(std::move(callable), std::move(arguments)));
        }
    }
}

template <class F, class... Wire>
void run_call(ByteReader& in, ByteWriter& out) {
    expect_signature(in, signature_hash<F, Wire...>());
    F callable = decode_callable<F>(in);
    call_encoded<F, Wire...>(callable, in, out);
}

template <class T>
consteval void explain_argument() {
    static_assert(
        Encodable<transferred_t<T>>,
        "an argument cannot be sent to another process: use numbers, strings, standard containers and plain "
        "structs of them, or specialise aio::Codec for its type. Pointers, references and views stay "
        "behind.");
}

/// Fails to compile, with the reason.
template <class F, class... Args>
consteval void explain_refusal() {
    static_assert(
        callable_kind<F>() != CallableKind::refused,
        "this callable cannot be sent to another process. If it is a lambda with captures: pass the captured "
        "values as arguments after a function or a captureless lambda, or write a struct with the values as "
        "fields and an operator(). A functor struct needs encodable fields.");
    (explain_argument<Args>(), ...);
    if constexpr (callable_kind<F>() != CallableKind::refused && (Encodable<transferred_t<Args>> && ...)) {
        static_assert(
            std::is_invocable_v<F, transferred_t<Args>...>,
            "the function cannot be called with these arguments as they arrive: as rvalues, with const char* "
            "and string_view as std::string and span as std::vector. It cannot take a non-const reference.");
        if constexpr (std::is_invocable_v<F, transferred_t<Args>...>) {
            using Result = std::invoke_result_t<F, transferred_t<Args>...>;
            static_assert(
                !std::is_reference_v<Result>,
                "the function returns a reference, which would refer to the other process: return a value");
            static_assert(std::is_reference_v<Result> || TransferableResult<Result>,
                          "the result cannot be sent back: return a number, string, container or plain "
                          "struct that owns "
                          "its data, or specialise aio::Codec for its type");
        }
    }
}

} // namespace detail

/// `f(args...)` can be called in another process.
template <class F, class... Args>
concept Transferable = detail::is_transferable<std::decay_t<F>, transferred_t<Args>...>();

/// What `f(args...)` returns over there: a value type, or void.
template <class F, class... Args>
    requires Transferable<F, Args...>
using call_result_t = std::remove_cv_t<std::invoke_result_t<std::decay_t<F>, transferred_t<Args>...>>;

/// Appends the call `f(args...)` to `out`, for `execute_call` in another process. What cannot be sent does
/// not compile and says why. Throws ValueError for a null function or text pointer, RuntimeError for a
/// function outside any module, EncodeError for a value that cannot be sent; `out` is then as before.
template <class F, class... Args>
void encode_call(ByteWriter& out, const F& f, const Args&... args) {
    using Callable = std::decay_t<const F&>;
    if constexpr (Transferable<Callable, const Args&...>) {
        const std::size_t start = out.size();
        try {
            const CodeReference thunk =
                reference_to(&detail::run_call<Callable, transferred_t<const Args&>...>);
            out.append_scalar(thunk.module_id());
            out.append_scalar(thunk.offset());
            out.append_scalar(detail::signature_hash<Callable, transferred_t<const Args&>...>());
            detail::encode_callable<Callable>(out, f);
            if constexpr (sizeof...(Args) == 0) {
                aio::encode(out, std::tuple<>());
            } else {
                (detail::encode_argument(out, args), ...);
            }
        } catch (...) {
            out.truncate(start);
            throw;
        }
    } else {
        detail::explain_refusal<Callable, const Args&...>();
    }
}

/// In the worker: makes the call in `payload` and appends its encoded result to `out`. Shared buffers come
/// and go by the link of `out`, if it has one. Throws whatever the
/// function throws; RuntimeError when the function's module is not loaded here or the signatures differ,
/// DecodeError for broken bytes. After an exception `out` may end in half a result.
void execute_call(std::span<const std::byte> payload, ByteWriter& out);

/// Back at the caller: the result out of the bytes that `execute_call` wrote, with the shared buffers that
/// came by `link`. Throws DecodeError.
template <class Result>
Result decode_result(std::span<const std::byte> bytes, detail::BufferLink* link = nullptr) {
    if constexpr (std::is_void_v<Result>) {
        ByteReader(bytes).expect_end();
    } else {
        return decode_all<Result>(bytes, link);
    }
}

} // namespace aio
