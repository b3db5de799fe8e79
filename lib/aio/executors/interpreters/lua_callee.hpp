#pragma once

/// `lua("...")`: what an `InterpreterPoolExecutor` can call.
///
///     Value v = co_await loop.run_in_executor(interpreters, lua("cpu_bound"), n);
///     double d = co_await loop.run_in_executor(interpreters, lua<double>("math.sqrt"), 2.0);
///     int sum = interpreters.submit(lua<int>("local a, b = ...; return a + b"), 1, 2).result();
///     interpreters.submit(lua<void>(script_of_a_user).instruction_limit(1'000'000));

#include <string>
#include <utility>

#include <aio/executors/interpreters/script_callee.hpp>

namespace aio {
namespace detail {

class LuaLanguage;

/// A name such as `math.floor` is a function's; all else is source.
[[nodiscard]] ScriptTarget lua_target(std::string name_or_source);
[[nodiscard]] ScriptTarget lua_target(ScriptTarget::Kind kind, std::string text);
/// Throws `ValueError` unless it is an identifier, or several with dots between them.
[[nodiscard]] ScriptTarget lua_function_target(std::string name);

} // namespace detail

/// A Lua function or chunk whose result is wanted as an `R`. See `lua`, and `Callee` for limits of one call.
template <class R = Value>
using LuaCallee = Callee<detail::LuaLanguage, R>;

/// The global function of that name, looked up when the call runs; with dots, a field of a global table
/// (`math.floor`, `filters.keep`). Anything that is not such a name is source text, compiled once for each
/// interpreter and called with the arguments as `...`.
template <class R = Value>
[[nodiscard]] LuaCallee<R> lua(std::string name_or_source) {
    return LuaCallee<R>(detail::lua_target(std::move(name_or_source)));
}

/// The same for what must be a name. Throws `ValueError` if it is none.
template <class R = Value>
[[nodiscard]] LuaCallee<R> lua_function(std::string name) {
    return LuaCallee<R>(detail::lua_function_target(std::move(name)));
}

/// The same for what is source, also where it looks like a name.
template <class R = Value>
[[nodiscard]] LuaCallee<R> lua_source(std::string source) {
    return LuaCallee<R>(detail::lua_target(detail::ScriptTarget::Kind::chunk, std::move(source)));
}

} // namespace aio
