#include <aio/core/context.hpp>

#include <atomic>

namespace aio {
namespace {

/// Current where no scope is.
thread_local Context thread_context;
constinit thread_local detail::ContextScope* innermost = nullptr;

std::uint64_t next_number() noexcept {
    static constinit std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

} // namespace

std::uint64_t Context::identity() {
    if (identity_ == 0) identity_ = next_number();
    return identity_;
}

Context copy_context() {
    Context copy = detail::current_context();
    copy.identity_ = 0;
    return copy;
}

namespace detail {

Context& current_context() noexcept { return innermost != nullptr ? *innermost->context_ : thread_context; }

ContextScope::ContextScope(Context& context) noexcept
    : context_(&context), outer_(std::exchange(innermost, this)) {}

ContextScope::~ContextScope() { innermost = outer_; }

bool ContextScope::entered(const Context& context) noexcept {
    for (const ContextScope* scope = innermost; scope != nullptr; scope = scope->outer_)
        if (scope->context_ == &context) return true;
    return false;
}

ContextKey next_context_key() noexcept {
    static constinit std::atomic<ContextKey> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

void check_token(const std::string& name, bool same_variable, bool same_context, bool used) {
    if (used) throw RuntimeError("the token of context variable '" + name + "' has already been used once");
    if (!same_variable) throw ValueError("the token was made by another variable than '" + name + "'");
    if (!same_context)
        throw ValueError("the token of context variable '" + name + "' was made in a different context");
}

} // namespace detail
} // namespace aio
