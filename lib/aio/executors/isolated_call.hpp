#pragma once

/// A call on its way to a worker of an `IsolatedPoolExecutor`.

#include <cstddef>
#include <exception>
#include <span>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>
#include <aio/executors/worker_resource.hpp>
#include <aio/workers/codec.hpp>
#include <aio/workers/remote_call.hpp>

namespace aio::detail {

/// The state of a worker thread.
template <class State>
class StateResource final : public WorkerResource {
public:
    template <class Make>
    explicit StateResource(Make make) : state(make()) {}
    State state;
};

/// A copy of a value that shares nothing with it: by way of its bytes.
template <class T>
[[nodiscard]] std::vector<std::byte> isolated_bytes(const T& value) {
    ByteWriter out;
    aio::encode(out, value);
    return out.take();
}

/// `F` is stateless or a function pointer; `Args` are the types as which the arguments arrive.
template <class State, class F, class... Args>
struct IsolatedResult {
    static constexpr bool with_token = !std::is_invocable_v<F&, State&, Args...> &&
                                       std::is_invocable_v<F&, State&, std::stop_token, Args...>;
    static constexpr bool possible = with_token || std::is_invocable_v<F&, State&, Args...>;
};

template <class State, class F, class... Args>
struct IsolatedValue {
    using Type = std::invoke_result_t<F&, State&, Args...>;
};
template <class State, class F, class... Args>
    requires IsolatedResult<State, F, Args...>::with_token
struct IsolatedValue<State, F, Args...> {
    using Type = std::invoke_result_t<F&, State&, std::stop_token, Args...>;
};

template <class State, class F, class... Args>
class IsolatedCall {
public:
    using Result = typename IsolatedValue<State, F, Args...>::Type;

    /// What turns out not to be encodable fails the call, not the submission.
    template <class... Given>
    explicit IsolatedCall(F function, const Given&... arguments) : function_(std::move(function)) {
        ByteWriter out;
        try {
            if constexpr (sizeof...(Given) == 0)
                aio::encode(out, std::tuple<>());
            else
                (encode_argument(out, arguments), ...);
            arguments_ = out.take();
        } catch (...) {
            unsendable_ = std::current_exception();
        }
    }

    Result operator()(std::stop_token stop) {
        if (unsendable_) std::rethrow_exception(unsendable_);
        auto* const resource = dynamic_cast<StateResource<State>*>(worker_resource());
        if (resource == nullptr) throw RuntimeError("this thread has no state for the call");
        ByteReader in(arguments_);
        auto arguments = Codec<std::tuple<Args...>>::decode(in);
        in.expect_end();
        const auto call = [&](Args&... values) -> Result {
            if constexpr (IsolatedResult<State, F, Args...>::with_token)
                return std::invoke(function_, resource->state, std::move(stop), std::move(values)...);
            else
                return std::invoke(function_, resource->state, std::move(values)...);
        };
        if constexpr (std::is_void_v<Result>) {
            std::apply(call, arguments);
        } else {
            const std::vector<std::byte> bytes = isolated_bytes<Result>(std::apply(call, arguments));
            return aio::decode_all<Result>(bytes);
        }
    }

private:
    F function_;
    std::vector<std::byte> arguments_;
    std::exception_ptr unsendable_;
};

template <class T>
consteval void explain_isolated_argument() {
    static_assert(
        Encodable<transferred_t<T>>,
        "an argument cannot be given to an isolated worker: use numbers, strings, standard containers and "
        "plain structs of them, or specialise aio::Codec for its type. Pointers, references and views "
        "would share memory.");
}

/// Fails to compile, with the reason, unless the call can be made.
template <class State, class F, class... Args>
consteval bool check_isolated_call() {
    constexpr CallableKind kind = callable_kind<F>();
    constexpr bool stateless = kind == CallableKind::function || kind == CallableKind::stateless;
    static_assert(stateless,
                  "an isolated worker runs functions and lambdas without captures: pass what the lambda "
                  "captures as arguments, or keep it in the State");
    (explain_isolated_argument<Args>(), ...);
    if constexpr (!stateless || !(Encodable<transferred_t<Args>> && ...)) {
        return false;
    } else {
        using Form = IsolatedResult<State, F, transferred_t<Args>...>;
        static_assert(
            Form::possible,
            "the function cannot be called with (State&, arguments...) nor (State&, std::stop_token, "
            "arguments...), with const char* and string_view as std::string and span as std::vector");
        if constexpr (!Form::possible) {
            return false;
        } else {
            using Result = typename IsolatedValue<State, F, transferred_t<Args>...>::Type;
            static_assert(
                TransferableResult<Result>,
                "the result cannot leave an isolated worker: return a number, string, container or plain "
                "struct that owns its data, or specialise aio::Codec for it; no reference or pointer");
            return TransferableResult<Result>;
        }
    }
}

} // namespace aio::detail
