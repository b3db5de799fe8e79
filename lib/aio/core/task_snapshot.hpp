#pragma once

/// What a task or future is doing at one moment, as plain values: the piece that call graphs, task tables and
/// the message of a `DeadlockError` are made of.

#include <cstddef>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <vector>

namespace aio {

/// One coroutine on a task's stack (`asyncio.FrameCallGraphEntry`). The texts are constants of the program.
class FrameCallGraphEntry {
public:
    FrameCallGraphEntry() = default;
    FrameCallGraphEntry(std::string_view function_name, std::string_view file_name,
                        unsigned line_number) noexcept
        : function(function_name), file(file_name), line(line_number) {}

    /// The coroutine function with its namespaces and classes, without its result and parameters; for a
    /// lambda, what the compiler calls it.
    std::string_view function;
    std::string_view file;
    /// The line of the await at which it is, or, while it runs, of the latest one; where the function begins
    /// or ends, as compilers like it, if it has made none.
    unsigned line = 0;
};

/// What is going on with a task or future.
enum class FutureActivity {
    /// A future that has no outcome yet.
    pending,
    /// A task whose next step is queued.
    ready,
    /// The task whose code runs.
    running,
    /// A task that is suspended.
    waiting,
    /// Done, with a result.
    finished,
    /// Done, with an exception.
    failed,
    /// Done, cancelled.
    cancelled,
};

/// A task or future as it was when somebody looked.
class FutureSnapshot {
public:
    /// The task's name; for a future what it is: "Future", "gathering Future".
    std::string name;
    bool is_task = false;
    FutureActivity activity = FutureActivity::pending;
    /// What a waiting task waits for, in a few words: "sleep", "Lock.acquire", "Task 'reader'".
    std::string waits_for;
    /// The coroutines of a task, the innermost first.
    std::vector<FrameCallGraphEntry> call_stack;

    /// "Task 'reader'", "gathering Future".
    [[nodiscard]] std::string label() const { return is_task ? "Task '" + name + "'" : name; }
};

/// "Task 'reader' waits for sleep", "Task 'main' is running", "Future is pending".
[[nodiscard]] std::string describe(const FutureSnapshot& snapshot);
/// "function at file:line".
[[nodiscard]] std::string describe(const FrameCallGraphEntry& frame);

namespace detail {

class FutureState;

/// Looks at a task or future; on its loop's thread. Of the call stack, the `skip` innermost entries are left
/// out, and then at most `limit` are taken: the innermost if it is positive, the outermost -limit if it is
/// negative.
[[nodiscard]] FutureSnapshot take_snapshot(FutureState& future, std::optional<int> limit = std::nullopt,
                                           std::size_t skip = 0);

/// The name in what `source_location::function_name` gives, which is a signature, and for a template a long
/// one.
[[nodiscard]] std::string_view bare_function_name(std::string_view signature) noexcept;

} // namespace detail
} // namespace aio
