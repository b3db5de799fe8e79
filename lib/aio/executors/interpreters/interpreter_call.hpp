#pragma once

/// A call on its way to an interpreter: what stands in the queue of an interpreter pool.

#include <cstddef>
#include <exception>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <aio/executors/interpreters/interpreter.hpp>
#include <aio/executors/interpreters/script_callee.hpp>
#include <aio/executors/interpreters/value.hpp>

namespace aio::detail {

/// How the results of a call become an `R`: the first one.
template <class R>
struct InterpreterResults {
    static constexpr std::size_t count = 1;
    static constexpr bool possible = ValueOutput<R>;
    static R read(ValueReader& in) { return read_value<R>(in); }
};
template <>
struct InterpreterResults<void> {
    static constexpr std::size_t count = 0;
    static constexpr bool possible = true;
    static void read(ValueReader&) {}
};
/// Several results.
template <class... Rs>
struct InterpreterResults<std::tuple<Rs...>> {
    static constexpr std::size_t count = sizeof...(Rs);
    static constexpr bool possible = (ValueOutput<Rs> && ...);
    static std::tuple<Rs...> read(ValueReader& in) { return read_all(in, std::index_sequence_for<Rs...>{}); }

private:
    template <std::size_t... I>
    static std::tuple<Rs...> read_all([[maybe_unused]] ValueReader& in, std::index_sequence<I...>) {
        // In braces, so in this order.
        return std::tuple<Rs...>{read_numbered<Rs>(in, I + 1)...};
    }
    template <class R>
    static R read_numbered(ValueReader& in, std::size_t number) {
        try {
            return read_value<R>(in);
        } catch (const ConversionError& error) {
            throw error.within("(" + std::to_string(number) + ")");
        }
    }
};

/// Holds copies of the arguments, as bytes. What cannot be sent fails the call, not the submission, as in
/// Python.
template <class R>
class InterpreterCall {
public:
    template <class... Args>
    explicit InterpreterCall(ScriptTarget target, ScriptLimits limits, const Args&... arguments)
        : target_(std::move(target)), limits_(limits), argument_count_(sizeof...(Args)) {
        ValueWriter out;
        std::size_t number = 0;
        try {
            (write<std::decay_t<const Args&>>(out, ++number, arguments), ...);
            arguments_ = out.take();
        } catch (...) {
            unsendable_ = std::current_exception();
        }
    }

    /// A script is stopped by the token.
    R operator()(std::stop_token stop) {
        if (unsendable_) std::rethrow_exception(unsendable_);
        using Results = InterpreterResults<R>;
        try {
            ValueReader results(thread_interpreter(target_).call(target_, arguments_, argument_count_,
                                                                 Results::count, ScriptRun(stop, limits_)));
            return Results::read(results);
        } catch (const ConversionError& error) {
            throw error.about("result of " + target_.describe());
        }
    }

private:
    template <class T>
    void write(ValueWriter& out, std::size_t number, const T& argument) const {
        try {
            ValueFormat<T>::write(out, argument);
        } catch (const ConversionError& error) {
            throw error.about("argument " + std::to_string(number) + " of " + target_.describe());
        }
    }

    ScriptTarget target_;
    ScriptLimits limits_;
    std::vector<std::byte> arguments_;
    std::size_t argument_count_;
    std::exception_ptr unsendable_;
};

template <class T>
consteval void explain_interpreter_argument() {
    static_assert(ValueInput<T>, "this argument cannot be given to an interpreter: use numbers, strings, "
                                 "standard containers and plain structs of them, or specialise "
                                 "aio::ValueCodec for its type");
}

/// Fails to compile, with the reason, unless a call can be made.
template <class R, class... Args>
consteval void check_interpreter_call() {
    (explain_interpreter_argument<std::decay_t<const Args&>>(), ...);
    static_assert(InterpreterResults<R>::possible,
                  "the result of a script cannot become this type: use a type that owns its data "
                  "(std::string for string_view), a plain struct of such types, a std::tuple of them for "
                  "several results, or specialise aio::ValueCodec for it");
}

} // namespace aio::detail
