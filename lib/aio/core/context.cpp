#include <aio/core/context.hpp>

#include <atomic>
#include <memory>
#include <utility>

#include <aio/uv/thread.hpp>

namespace aio {
namespace {

/// Current where no scope is; made when it is first asked for.
constinit thread_local Context* thread_context = nullptr;
constinit thread_local detail::ContextScope* innermost = nullptr;

void drop_thread_context(void* context) {
    // What the values' destructors ask for finds a context of their own.
    thread_context = nullptr;
    delete static_cast<Context*>(context);
}

Context& context_of_thread() {
    if (thread_context == nullptr) {
        thread_context = std::make_unique<Context>().release();
        // Refused to a thread's very last destructors, and if memory lacks: the context then outlives the
        // thread.
        static_cast<void>(uv::at_thread_exit(&drop_thread_context, thread_context));
    }
    return *thread_context;
}

std::uint64_t next_number() noexcept {
    static constinit std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

} // namespace

class detail::SharedContext {
public:
    explicit SharedContext(ContextContent c) noexcept : content(std::move(c)) {}
    ContextContent content;
    std::atomic<std::size_t> handles = 1;
};

Context::Context(const Context& other) {
    detail::SharedContext* shared = other.shared_.load(std::memory_order_acquire);
    if (shared == nullptr) {
        auto made = std::make_unique<detail::SharedContext>(other.own_);
        if (other.shared_.compare_exchange_strong(shared, made.get(), std::memory_order_acq_rel))
            shared = made.release();
    }
    shared->handles.fetch_add(1, std::memory_order_relaxed);
    shared_.store(shared, std::memory_order_relaxed);
}

void Context::release() noexcept {
    detail::SharedContext* const shared = shared_.load(std::memory_order_relaxed);
    if (shared->handles.fetch_sub(1, std::memory_order_acq_rel) == 1)
        std::default_delete<detail::SharedContext>()(shared);
}

const detail::ContextContent& Context::content() const noexcept {
    const detail::SharedContext* const shared = shared_.load(std::memory_order_acquire);
    return shared != nullptr ? shared->content : own_;
}

bool Context::same_as(const Context& other) const noexcept { return &content() == &other.content(); }

std::uint64_t Context::identity() {
    detail::ContextContent& here = content();
    if (here.identity == 0) here.identity = next_number();
    return here.identity;
}

Context Context::copy() const {
    Context made;
    made.own_.map = content().map;
    return made;
}

Context copy_context() { return detail::current_context().copy(); }

namespace detail {

Context& current_context() { return innermost != nullptr ? *innermost->context_ : context_of_thread(); }

ContextScope::ContextScope(Context& context) noexcept
    : context_(&context), outer_(std::exchange(innermost, this)) {}

ContextScope::~ContextScope() { innermost = outer_; }

bool ContextScope::entered(const Context& context) noexcept {
    for (const ContextScope* scope = innermost; scope != nullptr; scope = scope->outer_)
        if (scope->context_->same_as(context)) return true;
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
