#include <aio/core/task_snapshot.hpp>

#include <cstdlib>

#include <aio/core/task_state.hpp>

namespace aio {
namespace detail {
namespace {

constexpr bool opens(char c) noexcept { return c == '(' || c == '<' || c == '{' || c == '['; }
constexpr bool closes(char c) noexcept { return c == ')' || c == '>' || c == '}' || c == ']'; }

/// Where the bracket begins that ends at `end`; npos if there is no such place.
std::size_t opening_of(std::string_view text, std::size_t end) noexcept {
    std::size_t depth = 0;
    for (std::size_t i = end + 1; i-- > 0;) {
        if (closes(text[i]))
            ++depth;
        else if (opens(text[i]) && --depth == 0)
            return i;
    }
    return std::string_view::npos;
}

/// What stands behind the last space that is in no bracket: a signature without its result.
std::string_view last_word(std::string_view text) noexcept {
    std::size_t depth = 0;
    for (std::size_t i = text.size(); i-- > 0;) {
        if (closes(text[i]))
            ++depth;
        else if (opens(text[i]) && depth > 0)
            --depth;
        else if (text[i] == ' ' && depth == 0)
            return text.substr(i + 1);
    }
    return text;
}

FrameCallGraphEntry entry_of(const PromiseBase& frame) {
    const std::source_location& where = frame.where();
    return FrameCallGraphEntry(bare_function_name(where.function_name()), where.file_name(),
                               static_cast<unsigned>(where.line()));
}

std::vector<FrameCallGraphEntry> call_stack_of(const TaskState& task, std::optional<int> limit,
                                               std::size_t skip) {
    std::vector<FrameCallGraphEntry> entries;
    if (limit == 0) return entries;
    const std::size_t most =
        limit && *limit > 0 ? static_cast<std::size_t>(*limit) : static_cast<std::size_t>(-1);
    for (const PromiseBase* frame = task.top(); frame != nullptr && entries.size() < most;
         frame = frame->caller()) {
        if (skip > 0)
            --skip;
        else
            entries.push_back(entry_of(*frame));
    }
    if (limit && *limit < 0) {
        const auto outermost = static_cast<std::size_t>(std::llabs(*limit));
        if (entries.size() > outermost)
            entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(outermost));
    }
    return entries;
}

FutureActivity activity_of(const TaskState& task) noexcept {
    // A task without a frame that is not done is just ending: it destroys what its coroutine owned.
    if (task.loop().current_task == &task || task.empty()) return FutureActivity::running;
    const Suspension* const suspension = task.waiting_on();
    return suspension != nullptr && suspension->waiting() ? FutureActivity::waiting : FutureActivity::ready;
}

} // namespace

std::string_view bare_function_name(std::string_view signature) noexcept {
    // A template's arguments: " [with T = int]", " [T = int]".
    const std::string_view plain = signature.substr(0, signature.find(" ["));
    const std::size_t end = plain.rfind(')');
    const std::string_view tail = end == std::string_view::npos ? plain : plain.substr(end + 1);
    // No parameter list at the end: GCC's name of a lambda, "f()::<lambda(int)>", or no signature at all.
    if (end == std::string_view::npos || tail.find('>') != std::string_view::npos) return last_word(plain);
    const std::size_t parameters = opening_of(plain, end);
    if (parameters == std::string_view::npos || parameters == 0) return plain;
    return last_word(plain.substr(0, parameters));
}

FutureSnapshot take_snapshot(FutureState& future, std::optional<int> limit, std::size_t skip) {
    FutureSnapshot snapshot;
    const TaskState* const task = future.as_task();
    snapshot.is_task = task != nullptr;
    snapshot.name = task != nullptr ? task->name() : future.kind();
    if (future.done()) {
        snapshot.activity = future.cancelled() ? FutureActivity::cancelled
                            : future.failed()  ? FutureActivity::failed
                                               : FutureActivity::finished;
    } else if (task != nullptr) {
        snapshot.activity = activity_of(*task);
        if (snapshot.activity == FutureActivity::waiting)
            snapshot.waits_for = task->waiting_on()->description();
        snapshot.call_stack = call_stack_of(*task, limit, skip);
    }
    return snapshot;
}

} // namespace detail

std::string describe(const FutureSnapshot& snapshot) {
    const std::string label = snapshot.label();
    switch (snapshot.activity) {
    case FutureActivity::pending: return label + " is pending";
    case FutureActivity::ready: return label + " is ready to run";
    case FutureActivity::running: return label + " is running";
    case FutureActivity::waiting: return label + " waits for " + snapshot.waits_for;
    case FutureActivity::finished: return label + " is done";
    case FutureActivity::failed: return label + " has failed";
    case FutureActivity::cancelled: break;
    }
    return label + " was cancelled";
}

std::string describe(const FrameCallGraphEntry& frame) {
    std::string text(frame.function);
    text.append(" at ").append(frame.file).append(":").append(std::to_string(frame.line));
    return text;
}

} // namespace aio
