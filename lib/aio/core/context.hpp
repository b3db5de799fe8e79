#pragma once

/// Context variables: values that belong to a logical thread of work rather than to an operating-system
/// thread (`contextvars` in Python, PEP 567).
///
///     aio::ContextVar<std::string> request_id("request_id", "none");      // a global
///
///     aio::Coro<> handle(Request request) {
///         const auto scope = request_id.scoped_set(request.id);
///         co_await work();                // sees request.id, and so do the tasks and threads it starts
///     }
///
/// A task copies its creator's context when it is made; a callback copies it when it is scheduled; an awaited
/// `Coro` shares that of the task it runs in; `to_thread` takes a copy along. To copy costs one pointer: the
/// values are an immutable map, and setting a variable makes a new version for this context only, at a cost
/// that grows with the logarithm of the number of variables.
///
/// As in Python, a context is one thing that everybody who runs in it changes: a task or callback that is
/// given one uses that, not a copy. In C++ terms `Context` is a handle. Copies of a handle mean the same
/// context; `context.copy()` and `copy_context()` make a new one.

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <aio/core/context_map.hpp>
#include <aio/core/errors.hpp>

namespace aio {

template <class T>
class ContextVar;
namespace detail {
class ContextScope;
}

namespace detail {

/// What a context is: its values, and a number that tells it from others, for tokens.
struct ContextContent {
    ContextMap map;
    /// Zero until somebody asks for it: most contexts never see a token.
    std::uint64_t identity = 0;
};

/// A content that several handles share.
class SharedContext;

} // namespace detail

/// The values of all context variables for those who run in it. A handle: copies of it mean the same context.
/// A new one is made by the default constructor (empty), by `copy`, and by `copy_context`. Different contexts
/// may be used in different threads, as they come; one context, through whichever handle, by one thread at a
/// time.
class Context {
public:
    /// An empty context.
    Context() = default;
    /// The same context. Allocates the first time, so that what is never shared costs nothing.
    Context(const Context& other);
    Context(Context&& other) noexcept
        : own_(std::exchange(other.own_, detail::ContextContent())),
          shared_(other.shared_.exchange(nullptr, std::memory_order_relaxed)) {}
    Context& operator=(Context other) noexcept {
        std::swap(own_, other.own_);
        shared_.store(
            other.shared_.exchange(shared_.load(std::memory_order_relaxed), std::memory_order_relaxed),
            std::memory_order_relaxed);
        return *this;
    }
    ~Context() {
        if (shared_.load(std::memory_order_relaxed) != nullptr) release();
    }

    /// A new context with the same values. O(1).
    [[nodiscard]] Context copy() const;

    /// Runs `function()` with this context as the current one, and gives its result; what it sets stays in
    /// the context, also when it throws. Throws `RuntimeError` if the context is current already in this
    /// thread, or runs a function further out. The handle must neither be moved nor destroyed meanwhile.
    template <class F>
    decltype(auto) run(F&& function);

    /// The value that `variable` has here; none if it has not been set, whatever its default.
    template <class T>
    [[nodiscard]] std::optional<T> get(const ContextVar<T>& variable) const;
    /// Whether `variable` has been set here.
    template <class T>
    [[nodiscard]] bool contains(const ContextVar<T>& variable) const noexcept;
    /// The number of variables that have been set.
    [[nodiscard]] std::size_t size() const noexcept { return content().map.size(); }
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }

    /// Whether this has the same version of values as `other`: equal values that were set by the same calls.
    friend bool operator==(const Context& a, const Context& b) noexcept {
        return a.content().map == b.content().map;
    }

private:
    template <class T>
    friend class ContextVar;
    friend class detail::ContextScope;

    [[nodiscard]] const detail::ContextContent& content() const noexcept;
    [[nodiscard]] detail::ContextContent& content() noexcept {
        return const_cast<detail::ContextContent&>(std::as_const(*this).content());
    }
    [[nodiscard]] bool same_as(const Context& other) const noexcept;
    [[nodiscard]] std::uint64_t identity();
    void release() noexcept;

    /// The content, as long as this is its only handle; what is moved about then needs no memory of its own.
    detail::ContextContent own_;
    /// The content, from the first copy of the handle on. Set once, by whichever thread copies first: like
    /// other objects, a handle may be copied by several threads at once.
    mutable std::atomic<detail::SharedContext*> shared_ = nullptr;
};

namespace detail {

/// The context of the code now running on this thread. Allocates, the first time, outside of all scopes.
Context& current_context();

/// Makes a context current for a scope. The handle must stay where it is meanwhile.
class ContextScope {
public:
    explicit ContextScope(Context& context) noexcept;
    ~ContextScope();
    ContextScope(const ContextScope&) = delete;
    ContextScope& operator=(const ContextScope&) = delete;

    /// Whether `context` is current on this thread, or will be once more when scopes further in have ended.
    [[nodiscard]] static bool entered(const Context& context) noexcept;

private:
    friend Context& current_context();
    Context* context_;
    ContextScope* outer_;
};

[[nodiscard]] ContextKey next_context_key() noexcept;
/// What a variable needs to know of a token, whatever its type.
void check_token(const std::string& name, bool same_variable, bool same_context, bool used);

} // namespace detail

/// A copy of the current context, to be handed to something that runs later (`contextvars.copy_context`).
/// O(1).
[[nodiscard]] Context copy_context();

/// A variable with one value per context. Usually a global. A variable that is destroyed leaves its values to
/// the contexts that have them, and no other variable will ever see them.
template <class T>
class ContextVar {
public:
    /// What `set` returns and `reset` takes. Move-only, because it is good for one `reset`.
    class Token {
    public:
        Token(Token&& other) noexcept
            : key_(std::exchange(other.key_, 0)),
              context_(other.context_),
              previous_(std::move(other.previous_)),
              used_(other.used_) {}
        Token& operator=(Token other) noexcept {
            std::swap(key_, other.key_);
            std::swap(context_, other.context_);
            std::swap(previous_, other.previous_);
            std::swap(used_, other.used_);
            return *this;
        }

        /// The value before; none if there was none (`Token.MISSING`).
        [[nodiscard]] std::optional<T> old_value() const {
            if (!previous_) return std::nullopt;
            return *static_cast<const T*>(previous_.get());
        }

    private:
        friend class ContextVar;
        Token(detail::ContextKey key, std::uint64_t context, detail::ContextValue previous) noexcept
            : key_(key), context_(context), previous_(std::move(previous)) {}
        detail::ContextKey key_;
        std::uint64_t context_;
        detail::ContextValue previous_;
        /// Being used up does not change what the token says.
        mutable bool used_ = false;
    };

    /// A `set` for a scope: destroyed, it resets the variable. In another context than the one it was made in
    /// it leaves everything as it is, because that context has ended or goes on without it.
    class Scope {
    public:
        Scope(const Scope&) = delete;
        Scope& operator=(const Scope&) = delete;
        ~Scope() {
            if (detail::current_context().identity() == token_.context_) variable_.put_back(token_);
        }

    private:
        friend class ContextVar;
        Scope(ContextVar& variable, T value) : variable_(variable), token_(variable.set(std::move(value))) {}
        ContextVar& variable_;
        Token token_;
    };

    /// A variable without a default; the name is for messages.
    explicit ContextVar(std::string name) : name_(std::move(name)) {}
    ContextVar(std::string name, T fallback) : name_(std::move(name)), fallback_(std::move(fallback)) {}
    ContextVar(const ContextVar&) = delete;
    ContextVar& operator=(const ContextVar&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// The value in the current context, else the default given at construction; throws `RuntimeError` when
    /// there is neither.
    [[nodiscard]] T get() const {
        if (const T* value = find(detail::current_context())) return *value;
        if (fallback_) return *fallback_;
        throw RuntimeError("context variable '" + name_ + "' has no value in this context");
    }

    /// The value in the current context, else `fallback`.
    [[nodiscard]] T get(T fallback) const {
        if (const T* value = find(detail::current_context())) return *value;
        return fallback;
    }

    /// Sets the value in the current context. The token may be dropped.
    Token set(T value) {
        Context& context = detail::current_context();
        detail::ContextMap& map = context.content().map;
        const detail::ContextValue* const there = map.find(key_);
        Token token(key_, context.identity(), there != nullptr ? *there : nullptr);
        map.set(key_, std::make_shared<const T>(std::move(value)));
        return token;
    }

    /// Sets the value until the returned object is destroyed: `const auto scope =
    /// variable.scoped_set(value);`
    [[nodiscard]] Scope scoped_set(T value) { return Scope(*this, std::move(value)); }

    /// Gives the variable the value back that it had before the `set` that made `token`, or none if it had
    /// none. Throws `ValueError` if the token was made by another variable or in another context,
    /// `RuntimeError` if it has been used already.
    void reset(const Token& token) {
        detail::check_token(name_, token.key_ == key_, token.context_ == detail::current_context().identity(),
                            token.used_);
        put_back(token);
    }

private:
    friend class Context;

    [[nodiscard]] const T* find(const Context& context) const noexcept {
        const detail::ContextValue* const value = context.content().map.find(key_);
        return value != nullptr ? static_cast<const T*>(value->get()) : nullptr;
    }
    void put_back(const Token& token) {
        if (std::exchange(token.used_, true)) return;
        detail::ContextMap& map = detail::current_context().content().map;
        if (token.previous_)
            map.set(key_, token.previous_);
        else
            map.erase(key_);
    }

    detail::ContextKey key_ = detail::next_context_key();
    std::string name_;
    std::optional<T> fallback_;
};

template <class F>
decltype(auto) Context::run(F&& function) {
    if (detail::ContextScope::entered(*this))
        throw RuntimeError("cannot enter context: it is already entered");
    const detail::ContextScope scope(*this);
    return std::forward<F>(function)();
}

template <class T>
std::optional<T> Context::get(const ContextVar<T>& variable) const {
    const T* const value = variable.find(*this);
    return value != nullptr ? std::optional<T>(*value) : std::nullopt;
}

template <class T>
bool Context::contains(const ContextVar<T>& variable) const noexcept {
    return variable.find(*this) != nullptr;
}

} // namespace aio
