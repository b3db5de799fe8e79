#pragma once

/// What an interpreter can call: a function by its name, or source text.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <aio/executors/interpreters/script_run.hpp>
#include <aio/executors/interpreters/value.hpp>

namespace aio {
namespace detail {

/// A function by its name, or source text that is called with the arguments.
class ScriptTarget {
public:
    enum class Kind { function, chunk };

    /// `language` must be a literal, or live as long.
    ScriptTarget(Kind kind, std::string text, std::string_view language = {})
        : kind_(kind), language_(language), text_(std::move(text)) {}

    [[nodiscard]] Kind kind() const noexcept { return kind_; }
    /// The name, or the source.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    /// For messages: "Lua function 'f'", "Lua chunk 'return 1'".
    [[nodiscard]] std::string describe() const;
    void set_language(std::string_view language) noexcept { language_ = language; }

private:
    Kind kind_;
    std::string_view language_;
    std::string text_;
};

/// For code that runs in any language's interpreter.
class AnyLanguage;

} // namespace detail

/// Something to call in an interpreter of `Language`, whose result is wanted as an `R`: nothing for `void`,
/// all results for a `std::tuple`, else the first one. See `lua` and `script_function`, which make them.
template <class Language, class R = Value>
class Callee {
public:
    using Result = R;
    explicit Callee(detail::ScriptTarget target) : target_(std::move(target)) {}

    /// Ends this call with `ExecutionFailed` when it has taken so many steps of the interpreter, instead of
    /// the pool's own limit. Looked at every thousand steps or so. Zero stands for the pool's limit.
    Callee& instruction_limit(std::uint64_t instructions) noexcept {
        limits_.instructions = instructions;
        return *this;
    }
    /// Ends this call with `ExecutionFailed` when its interpreter would hold more bytes than that, all it has
    /// from before included. Zero stands for the pool's limit.
    Callee& memory_limit(std::size_t bytes) noexcept {
        limits_.memory = bytes;
        return *this;
    }

    [[nodiscard]] const detail::ScriptTarget& target() const& noexcept { return target_; }
    [[nodiscard]] detail::ScriptTarget target() && noexcept { return std::move(target_); }
    [[nodiscard]] const ScriptLimits& limits() const noexcept { return limits_; }

private:
    detail::ScriptTarget target_;
    ScriptLimits limits_;
};

namespace detail {

template <class T>
inline constexpr bool is_callee = false;
template <class Language, class R>
inline constexpr bool is_callee<Callee<Language, R>> = true;

} // namespace detail
} // namespace aio
