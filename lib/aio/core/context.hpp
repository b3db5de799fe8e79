#pragma once

/// Context variables: values that belong to a logical thread of work rather than to an operating-system
/// thread
/// (`contextvars` in Python, PEP 567).
///
/// A task copies its creator's context when it is made; a callback captures it when it is scheduled; an
/// awaited `Coro` shares that of the task it runs in. A copy is one pointer: contexts are immutable maps, and
/// setting a variable makes a new version for this context only.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/errors.hpp>

namespace aio {
namespace detail {

/// One immutable version of a context. Shared between threads, because `to_thread` carries it over.
using ContextMap = std::vector<std::pair<const void*, std::shared_ptr<const void>>>;

} // namespace detail

/// The values of all context variables at one point. Copying is O(1).
class Context {
public:
    /// An empty context.
    Context() = default;

    /// Runs `function()` with this context as the current one; what it sets stays in this object.
    template <class F>
    decltype(auto) run(F&& function);

    /// Whether this is the same version as `other`.
    friend bool operator==(const Context& a, const Context& b) noexcept { return a.map_ == b.map_; }

private:
    template <class T>
    friend class ContextVar;
    [[nodiscard]] const void* find(const void* variable) const noexcept;
    [[nodiscard]] std::shared_ptr<const void> share(const void* variable) const noexcept;
    void assign(const void* variable, std::shared_ptr<const void> value);

    std::shared_ptr<const detail::ContextMap> map_;
};

namespace detail {

/// The context of the code now running on this thread. Never null.
Context& current_context() noexcept;

/// Makes a context current for a scope.
class ContextScope {
public:
    explicit ContextScope(Context& context) noexcept;
    ~ContextScope();
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

private:
    Context* previous_;
};

} // namespace detail

/// The current context, to be handed to something that runs later (`contextvars.copy_context`).
[[nodiscard]] inline Context copy_context() { return detail::current_context(); }

template <class F>
decltype(auto) Context::run(F&& function) {
    detail::ContextScope scope(*this);
    return std::forward<F>(function)();
}

/// A variable with one value per context. Make it a global: its address is its identity.
template <class T>
class ContextVar {
public:
    /// What `set` returns and `reset` takes: the value before.
    class Token {
    public:
        Token() = default;

    private:
        friend class ContextVar;
        explicit Token(std::shared_ptr<const void> previous) : previous_(std::move(previous)) {}
        std::shared_ptr<const void> previous_;
    };

    explicit ContextVar(std::string name) : name_(std::move(name)) {}
    ContextVar(std::string name, T fallback) : name_(std::move(name)), fallback_(std::move(fallback)) {}
    ContextVar(const ContextVar&) = delete;
    ContextVar& operator=(const ContextVar&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// The value in the current context, else the default given at construction; throws `RuntimeError` when
    /// there is neither.
    [[nodiscard]] T get() const {
        if (const void* value = detail::current_context().find(this)) return *static_cast<const T*>(value);
        if (fallback_) return *fallback_;
        throw RuntimeError("context variable '" + name_ + "' has no value in this context");
    }

    /// The value in the current context, else `fallback`.
    [[nodiscard]] T get(T fallback) const {
        if (const void* value = detail::current_context().find(this)) return *static_cast<const T*>(value);
        return fallback;
    }

    /// Sets the value in the current context.
    Token set(T value) {
        Context& context = detail::current_context();
        Token token(context.share(this));
        context.assign(this, std::make_shared<const T>(std::move(value)));
        return token;
    }

    /// Undoes a `set` in the current context.
    void reset(const Token& token) { detail::current_context().assign(this, token.previous_); }

private:
    std::string name_;
    std::optional<T> fallback_;
};

} // namespace aio
