#include <aio/core/context.hpp>

#include <algorithm>

namespace aio {
namespace {

thread_local Context thread_context;
constinit thread_local Context* current = nullptr;

auto position_of(const detail::ContextMap& map, const void* variable) noexcept {
    return std::find_if(map.begin(), map.end(), [&](const auto& entry) { return entry.first == variable; });
}

} // namespace

const void* Context::find(const void* variable) const noexcept {
    if (!map_) return nullptr;
    const auto found = position_of(*map_, variable);
    return found == map_->end() ? nullptr : found->second.get();
}

std::shared_ptr<const void> Context::share(const void* variable) const noexcept {
    if (!map_) return nullptr;
    const auto found = position_of(*map_, variable);
    return found == map_->end() ? nullptr : found->second;
}

void Context::assign(const void* variable, std::shared_ptr<const void> value) {
    auto next = map_ ? std::make_shared<detail::ContextMap>(*map_) : std::make_shared<detail::ContextMap>();
    std::erase_if(*next, [&](const auto& entry) { return entry.first == variable; });
    if (value) next->emplace_back(variable, std::move(value));
    map_ = std::move(next);
}

namespace detail {

Context& current_context() noexcept { return current != nullptr ? *current : thread_context; }

ContextScope::ContextScope(Context& context) noexcept : previous_(std::exchange(current, &context)) {}

ContextScope::~ContextScope() { current = previous_; }

} // namespace detail
} // namespace aio
