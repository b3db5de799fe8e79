#pragma once

/// `lua("...")`: what an `InterpreterPoolExecutor` can call.
///
///     Value v = co_await loop.run_in_executor(interpreters, lua("cpu_bound"), n);
///     double d = co_await loop.run_in_executor(interpreters, lua<double>("math.sqrt"), 2.0);
///     int sum = interpreters.submit(lua<int>("local a, b = ...; return a + b"), 1, 2).result();

#include <string>
#include <utility>

#include <aio/executors/interpreters/value.hpp>

namespace aio {
namespace detail {

/// A function by its name, or source text that is called with the arguments as `...`.
class LuaTarget {
public:
    enum class Kind { function, chunk };

    LuaTarget(Kind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    /// The name, or the source.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    /// For messages: "Lua function 'f'", "Lua chunk 'return 1'".
    [[nodiscard]] std::string describe() const;

private:
    Kind kind_;
    std::string text_;
};

/// A name such as `math.floor` is a function's; all else is source.
[[nodiscard]] LuaTarget lua_target(std::string name_or_source);
/// Throws `ValueError` unless it is an identifier, or several with dots between them.
[[nodiscard]] LuaTarget lua_function_target(std::string name);

} // namespace detail

/// A Lua function or chunk whose result is wanted as an `R`: nothing for `void`, all results for a
/// `std::tuple`, else the first one. See `lua`.
template <class R = Value>
class LuaCallee {
public:
    using Result = R;
    explicit LuaCallee(detail::LuaTarget target) : target_(std::move(target)) {}
    [[nodiscard]] const detail::LuaTarget& target() const& noexcept { return target_; }
    [[nodiscard]] detail::LuaTarget target() && noexcept { return std::move(target_); }

private:
    detail::LuaTarget target_;
};

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
    return LuaCallee<R>(detail::LuaTarget(detail::LuaTarget::Kind::chunk, std::move(source)));
}

} // namespace aio
