#pragma once

/// Call graphs: what a task is doing, who waits for it, who waits for those, and so on
/// (`asyncio.capture_call_graph`).
///
///     aio::print_call_graph(task);
///
///     * Task 'reader' waits for sleep
///       + Call stack:
///       |   read_line at reader.cpp:12
///       |   read_all at reader.cpp:20
///       + Awaited by:
///          * Task 'main' waits for Task 'reader'
///            + Call stack:
///            |   amain at main.cpp:31
///
/// Looking costs time; being able to look costs nothing: nobody keeps a list, the graph is read from what the
/// waiting itself has left in futures and coroutine frames. Everything here is for the thread of the loop
/// concerned; a graph that has been captured is a plain value and may go anywhere.
///
/// A graph is no tree: two ways may lead to one task, and tasks that await each other make a circle. A task
/// is described where it is met first; where it is met again there is only its name, and `mark` says why.

#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <aio/core/future.hpp>
#include <aio/core/task_snapshot.hpp>

namespace aio {

/// Whether something in a graph is described and followed further where it stands.
enum class CallGraphMark {
    /// It is.
    whole,
    /// It stands elsewhere before.
    seen_before,
    /// It is one of those that led here: they wait for each other in a circle.
    cycle,
};

/// What to capture. Setters can be chained.
class CallGraphOptions {
public:
    CallGraphOptions() = default;
    /// At most this many entries of each call stack: the innermost; the outermost -limit of them if it is
    /// negative; none if it is 0. All if not given.
    CallGraphOptions& limit(int entries) noexcept {
        limit_ = entries;
        return *this;
    }
    /// Leaves out so many of the innermost entries of the current task's call stack: those of the program's
    /// own functions for reporting. For other tasks it has no meaning.
    CallGraphOptions& depth(std::size_t entries) noexcept {
        depth_ = entries;
        return *this;
    }

    [[nodiscard]] std::optional<int> limit() const noexcept { return limit_; }
    [[nodiscard]] std::size_t depth() const noexcept { return depth_; }

private:
    std::optional<int> limit_;
    std::size_t depth_ = 0;
};

/// A task or future, and the graph of those that wait for it. Copying and destroying it takes no machine
/// stack, however deep it is.
class FutureCallGraph : public FutureSnapshot {
public:
    FutureCallGraph() = default;
    FutureCallGraph(FutureSnapshot snapshot, CallGraphMark how) noexcept
        : FutureSnapshot(std::move(snapshot)), mark(how) {}
    FutureCallGraph(const FutureCallGraph& other);
    FutureCallGraph(FutureCallGraph&&) noexcept = default;
    FutureCallGraph& operator=(FutureCallGraph other) noexcept;
    ~FutureCallGraph();

    CallGraphMark mark = CallGraphMark::whole;
    /// Those that wait for it, in the order in which they came. Empty unless `mark` is `whole`.
    std::vector<FutureCallGraph> awaited_by;
};

/// The call graph of a task or future. Of one that is done there is nothing but its name and how it ended.
/// Throws `InvalidStateError` for an empty handle.
[[nodiscard]] FutureCallGraph capture_call_graph(const AnyFuture& future,
                                                 const CallGraphOptions& options = CallGraphOptions());
/// The call graph of the current task; nothing inside a plain callback. Throws `RuntimeError` if no loop is
/// running.
[[nodiscard]] std::optional<FutureCallGraph>
capture_call_graph(const CallGraphOptions& options = CallGraphOptions());

/// The graph as text, as shown above. Very deep graphs are indented up to a point only; lines beyond it begin
/// with their depth in brackets.
[[nodiscard]] std::string format_call_graph(const FutureCallGraph& graph);
/// The call graph of a task or future as text.
[[nodiscard]] std::string format_call_graph(const AnyFuture& future,
                                            const CallGraphOptions& options = CallGraphOptions());
/// The call graph of the current task as text; empty inside a plain callback. Throws `RuntimeError` if no
/// loop is running.
[[nodiscard]] std::string format_call_graph(const CallGraphOptions& options = CallGraphOptions());

/// Prints the call graph of a task or future. Errors of the file are left for its owner to find.
void print_call_graph(const AnyFuture& future, std::FILE* file = stdout,
                      const CallGraphOptions& options = CallGraphOptions());
/// Prints the call graph of the current task, and nothing inside a plain callback.
void print_call_graph(std::FILE* file = stdout, const CallGraphOptions& options = CallGraphOptions());

} // namespace aio
